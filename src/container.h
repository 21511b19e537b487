#include "container/store.c"

#include "container/handle.c"

#include "container/state.c"

#include "container/hooks.c"

#include "container/notify.c"

#include "container/signal.c"

#include "container/delete.c"

#include "container/create.c"

#include "container/start.c"

#include "container/exec.c"

#include "container/update.c"

#include "container/list.c"

#include "container/stats.c"
