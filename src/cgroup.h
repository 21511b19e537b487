#include "cgroup/directory.c"

#include "cgroup/limits.c"

#include "cgroup/devices.c"

#include "cgroup/tree.c"

#include "cgroup/freezer.c"

#include "cgroup/kill.c"

#include "cgroup/remove.c"

#include "cgroup/stats.c"

#include "cgroup/events.c"
