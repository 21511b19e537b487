#include "parent/io.c"

#include "parent/report.c"

#include "parent/undo.c"

#include "parent/start.c"

#include "parent/process.c"
