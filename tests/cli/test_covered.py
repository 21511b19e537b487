"""What the caller's own mounts hide: of procfs and sysfs a new one then may not be mounted in a user
namespace, and the error says why; a cgroup hierarchy that is covered is none."""

import os
import shutil
import tempfile

import users
from oci import BUILD, STATES, Bundles, run

UID, GID = next(users.unknown_ids())
ORDINARY = ["setpriv", "--reuid", str(UID), "--regid", str(GID), "--clear-groups"]


class Covered(Bundles):
    def run_where(self, mounts, *command, as_root=False):
        """Runs the default container where some directories are covered by a tmpfs."""
        cover = "; ".join(f"mount -t tmpfs cover {path} || exit 99" for path in mounts)
        user = [] if as_root else ORDINARY
        root = STATES
        if not as_root:
            root = tempfile.mkdtemp(prefix="states.", dir="/tmp")
            self.addCleanup(shutil.rmtree, root)
            os.chown(root, UID, GID)
        result = run("unshare", "--mount", "--propagation", "private", "sh", "-c", f'{cover}; "$@"',
                     "sh", *user, BUILD / "ctr-oci", "--root", root, "run", "--default", "covered",
                     "--", *(command or ["true"]))
        self.assertNotEqual(result.returncode, 99, result.stderr)
        return result

    def test_a_covered_procfs_is_named(self):
        result = self.run_where(["/proc/bus"])
        self.assertEqual(result.returncode, 1)
        self.assertIn("mounts[0]: mount proc on /proc", result.stderr)
        self.assertIn("Operation not permitted", result.stderr)
        self.assertIn("covered by a mount at /proc/bus", result.stderr)

    def test_a_covered_sysfs_is_named(self):
        result = self.run_where(["/sys/kernel"])
        self.assertEqual(result.returncode, 1)
        self.assertIn("mount sysfs on /sys", result.stderr)
        self.assertIn("covered by a mount at /sys/kernel", result.stderr)

    def test_directories_that_are_empty_without_mounts_cover_nothing(self):
        result = self.run_where(["/sys/kernel/debug"])
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_root_without_a_user_namespace_may_mount_it_all_the_same(self):
        result = self.run_where(["/proc/bus", "/sys/kernel"], as_root=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_a_covered_cgroup_hierarchy_is_none(self):
        for path in ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer"]:
            result = self.run_where([path], "cat", "/proc/self/cgroup", as_root=True)
            self.assertEqual((result.returncode, result.stderr), (0, ""), path)
            self.assertIn("0::/", result.stdout)

    def test_hierarchies_that_are_read_only_are_left_alone_unless_asked_for(self):
        """As root of a container has them, who can mount but not make cgroups."""
        read_only = ("awk '/ - cgroup/ { print $5 }' /proc/self/mountinfo | "
                     "while read point; do mount -o remount,bind,ro $point || exit 99; done")
        for asked, code in ((None, 0), ("/ctr-covered", 1)):
            self.write({"linux.cgroupsPath": asked} if asked else {})
            result = run("unshare", "--mount", "--propagation", "private", "sh", "-c",
                         f'{read_only}; "$@"', "sh", BUILD / "ctr-oci", "--root", STATES, "run",
                         "--bundle", self.bundle, "covered")
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertEqual("Read-only file system" in result.stderr, bool(asked), result.stderr)
