"""Containers in containers: the runtime runs itself inside a container that it runs itself, and
once more. What each level's config needs for that is in README.md, "Containers in containers"."""

import copy
import json
import os
import pwd
import re
import shutil
import tempfile
import unittest
from pathlib import Path

from lifecycle import BUSYBOX
from oci import BUILD, ROOT, TOP, run

DEPTH = 3
# What README.md says to add to mounts.
NESTING = json.loads(re.search(r"### Containers in containers\n.*?```json\n(.*?)```",
                               (TOP / "README.md").read_text(), re.S)[1])
ALL = ["CAP_SETFCAP", "CAP_SETUID", "CAP_SETGID"]
# Says who it is; runs the next one, but the last does as it is told.
LEVEL = """
echo level $1 pid $$ uid $(id -u) host $(hostname) map $(cat /proc/self/uid_map)
if [ $1 = %d ]; then shift; exec "$@"; fi
ctr-oci --root /tmp/states run --bundle /bundles/$(($1 + 1)) inner
""" % DEPTH


def ids(*ranges):
    return [dict(zip(("containerID", "hostID", "size"), r)) for r in ranges]


def both(*ranges):
    """The same for uids and gids."""
    return ids(*ranges), ids(*ranges)


def own(inside, uid=os.geteuid(), gid=os.getegid()):
    return ids((inside, uid, 1)), ids((inside, gid, 1))


@unittest.skipUnless(BUSYBOX.exists(), "there is no busybox")
class Nested(unittest.TestCase):
    def setUp(self):
        for program in (BUSYBOX, BUILD / "ctr-oci"):
            if run("ldd", program).returncode == 0:
                self.skipTest(f"{program.name} is not static")
        self.area = Path(tempfile.mkdtemp(prefix="nested."))
        self.area.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.area, ignore_errors=True)
        self.rootfs = self.area / "1/rootfs"
        for name in ("bin", "proc", "sys", "dev", "tmp", "run", *map("bundles/{}".format,
                                                                     range(2, DEPTH + 1))):
            (self.rootfs / name).mkdir(parents=True)
        shutil.copy(BUSYBOX, self.rootfs / "bin/busybox")
        shutil.copy(BUILD / "ctr-oci", self.rootfs / "bin/ctr-oci")
        for name in ("sh", "cat", "id", "hostname", "stat", "mount", "umount", "unshare"):
            (self.rootfs / "bin" / name).symlink_to("busybox")
        (self.rootfs / "level").write_text(LEVEL)

    def spec(self):
        """The default of who runs the first level."""
        made = Path(tempfile.mkdtemp(prefix="spec."))
        self.addCleanup(shutil.rmtree, made, ignore_errors=True)
        made.chmod(0o777)
        result = run(BUILD / "ctr-oci", "spec", "--rootless", "--bundle", made)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return json.loads((made / "config.json").read_text())

    def write(self, maps, command, nesting=NESTING, caps=ALL, user=0):
        """A config for each level; maps: of each; None: the default's."""
        spec = self.spec()
        for level in range(1, DEPTH + 1):
            config = copy.deepcopy(spec)
            config["root"] = {"path": "rootfs" if level == 1 else "/", "readonly": True}
            config["hostname"] = f"level{level}"
            config["process"]["args"] = ["sh", "/level", str(level), *command]
            config["process"]["user"] = {"uid": user, "gid": user}
            config["process"]["capabilities"] = dict.fromkeys(
                ("bounding", "effective", "permitted"), caps if level < DEPTH else [])
            config["mounts"] += nesting if level < DEPTH else []
            if level < DEPTH:
                del config["annotations"]["ctr.seccomp"]
            if maps[level - 1]:
                config["linux"]["uidMappings"], config["linux"]["gidMappings"] = maps[level - 1]
            if max(m["size"] for m in config["linux"]["gidMappings"]) == 1:
                for mount in config["mounts"]:  # there is no group tty
                    mount["options"] = [o for o in mount["options"] if o != "gid=5"]
            folder = self.area / "1" if level == 1 else self.rootfs / f"bundles/{level}"
            (folder / "config.json").write_text(json.dumps(config))

    def run_first(self, *command, **kwargs):
        """Runs the first level, with its own command or another."""
        states = Path(tempfile.mkdtemp(prefix="states."))
        self.addCleanup(shutil.rmtree, states, ignore_errors=True)
        states.chmod(0o777)
        return run(BUILD / "ctr-oci", "--root", states / "of-1", "run", "--bundle",
                   self.area / "1", f"nested-{os.getpid()}", *command, **kwargs)

    def check(self, maps, shown, **kwargs):
        """All levels run, each with the map shown; streams and the exit code pass through."""
        user = kwargs.get("user", 0)
        self.write(maps, ["sh", "-c", "cat; echo to stderr >&2; exit 42"], **kwargs)
        result = self.run_first(stdin="from outside\n")
        levels = [f"level {i} pid 1 uid {user} host level{i} map {text}\n"
                  for i, text in enumerate(shown, 1)]
        self.assertEqual((result.stderr, result.stdout, result.returncode),
                         ("to stderr\n", "".join(levels) + "from outside\n", 42))

    def test_as_root_with_ranges(self):
        all_ids = both((0, 0, 65536))
        self.check([both((0, 100000, 65536)), all_ids, all_ids],
                   ["0 100000 65536", "0 0 65536", "0 0 65536"])

    def test_with_one_id(self):
        one = both((0, 0, 1))
        self.check([own(0), one, one], [f"0 {os.geteuid()} 1", "0 0 1", "0 0 1"],
                   caps=["CAP_SETFCAP"])

    def test_as_no_root_at_any_level_without_a_capability(self):
        one = both((7, 7, 1))
        self.check([own(7), one, one], [f"7 {os.geteuid()} 1", "7 7 1", "7 7 1"], caps=[], user=7)

    def test_with_subordinate_ids(self):
        names = (pwd.getpwuid(os.geteuid()).pw_name, str(os.geteuid()))
        lines = [line.split(":") for line in Path("/etc/subuid").read_text().splitlines()]
        first, count = next((first, int(count)) for name, first, count in lines if name in names)
        inner = both((0, 0, 1), (1, 1, count))
        self.check([None, inner, inner], [f"0 {os.geteuid()} 1 1 {first} {count}",
                                          *2 * [f"0 0 1 1 1 {count}"]])

    def write_for_one_id(self, second=both((0, 0, 1)), **kwargs):
        first = both((0, 100000, 1)) if ROOT else own(0)
        self.write([first, second, both((0, 0, 1))], ["true"], **kwargs)

    def assert_inner_fails(self, *parts):
        result = self.run_first()
        self.assertEqual((result.returncode, result.stdout.count("level")), (1, 2), result)
        for part in parts:
            self.assertIn(part, result.stderr)

    def test_without_the_capability_to_map_root(self):
        self.write_for_one_id(caps=["CAP_SETUID", "CAP_SETGID"])
        self.assert_inner_fails("ctr-oci: linux.uidMappings: ", "CAP_SETFCAP")

    def test_without_capabilities_to_map_others(self):
        self.write_for_one_id(both((0, 0, 1), (1, 1, 1)), caps=["CAP_SETFCAP"])
        self.assert_inner_fails("ctr-oci: linux.uidMappings: ", "CAP_SETUID")

    def test_ids_that_are_not_there(self):
        self.write_for_one_id(both((0, 0, 1), (1, 1, 1)))
        self.assert_inner_fails("ctr-oci: linux.uidMappings[1]: hostID 1", "/proc/self/uid_map")

    def test_where_every_procfs_is_masked(self):
        self.write_for_one_id(nesting=[])
        self.assert_inner_fails("ctr-oci: mounts[0]: mount proc on /proc",
                                "covered by a mount at /proc/")

    def test_where_every_sysfs_is_masked(self):
        self.write_for_one_id(nesting=[NESTING[0], NESTING[1], NESTING[3]])
        self.assert_inner_fails("ctr-oci: mounts[5]: mount sysfs on /sys",
                                "covered by a mount at /sys/")

    def test_what_is_there_for_nesting_stays_covered(self):
        """From the container as well as from a user namespace made in it, whose mounts are locked
        together (mount_namespaces(7))."""
        self.write_for_one_id()
        look = "umount $1 2>&1; umount -l $1 2>&1; stat -c '%a %F' $1"
        for first, why in (([], "Operation not permitted"),
                           (["unshare", "-Urm"], "Invalid argument")):
            result = self.run_first("--", *first, "sh", "-c", look, "sh", "/dev/.nesting")
            self.assertEqual(result.stdout, 2 * f"umount: can't unmount /dev/.nesting: {why}\n" +
                             "0 directory\n", result.stderr)

    def test_settings_of_the_machine_are_not_those_of_an_inner_procfs(self):
        self.write_for_one_id()
        result = self.run_first("--", "unshare", "-Urmpnf", "sh", "-c",
                                "mount -t proc proc /tmp && : >>/tmp/sys/kernel/core_pattern")
        self.assertIn("core_pattern: Permission denied", result.stderr)


if __name__ == "__main__":
    unittest.main()
