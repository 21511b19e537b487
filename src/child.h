#include "child/state.c"

#include "child/lines.c"

#include "child/namespaces.c"

#include "child/own_program.c"

#include "child/mounts.c"

#include "child/copy.c"

#include "child/devices.c"

#include "child/console.c"

#include "child/root.c"

#include "child/identity.c"

#include "child/labels.c"

#include "child/exec.c"

#include "child/program.c"

#include "child/hooks.c"

#include "child/landlock.c"

#include "child/started.c"

#include "child/run.c"
