#include "plan/format.c"

#include "plan/facts.c"

#include "plan/builder.c"

#include "plan/rights.c"

#include "plan/own_program.c"

#include "plan/namespaces.c"

#include "plan/labels.c"

#include "plan/options.c"

#include "plan/idmap.c"

#include "plan/mount.c"

#include "plan/hierarchies.c"

#include "plan/cgroup_mount.c"

#include "plan/made.c"

#include "plan/hooks.c"

#include "plan/console.c"

#include "plan/rootfs.c"

#include "plan/devices.c"

#include "plan/limits.c"

#include "plan/cgroups.c"

#include "plan/cbpf.c"

#include "plan/seccomp.c"

#include "plan/presets.c"

#include "plan/syscalls.c"

#include "plan/seccomp_own.c"

#include "plan/seccomp_lib.c"

#include "plan/listener.c"

#include "plan/landlock.c"

#include "plan/identity.c"

#include "plan/exec.c"

#include "plan/update.c"

#include "plan/build.c"

#include "plan/explain.c"
