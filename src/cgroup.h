#include "cgroup/directory.c"

#include "cgroup/limits.c"

#include "cgroup/tree.c"

#include "cgroup/freezer.c"

#include "cgroup/kill.c"

#include "cgroup/remove.c"
