#include "parent/io.c"

#include "parent/undo.c"

#include "parent/visible.c"

#include "parent/report.c"

#include "parent/sockets.c"

#include "parent/channel.c"

#include "parent/sources.c"

#include "parent/idmap.c"

#include "parent/steps.c"

#include "parent/start.c"

#include "parent/process.c"

#include "parent/update.c"

#include "parent/seal.c"
