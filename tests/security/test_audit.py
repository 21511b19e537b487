"""What is to be found from inside a default container, all of it: the list is allowed.py."""

import os
import re
import shutil

from allowed import ALLOWED
from hole import Hole, compiled


def left_out(step):
    """A step that does nothing: what another has done already."""
    row = f"    [CTR__STEP_{step.upper()}] = "
    return f"{row}ctr__child_{step},", f"{row}ctr__child_keep_umask,"


# A defence taken out, and what the audit must then find.
TAKEN_OUT = [
    (left_out("readonly"), "write /proc/sys/.*"),
    (left_out("filter"), "status Seccomp: 0|socket (38|40) .*"),
    (left_out("capabilities"), "status CapEff: .*"),
    (left_out("bounding"), "status CapBnd: .*"),
    (left_out("cgroup_namespace"), "ns cgroup the host's"),
    (("return ctr__close_rest(3 + c->launch->extra_count, kept);",
      "return dup(1) < 0 ? -errno : 0;"), r"fd \d+ .*"),
    (("execve(path, c->launch->argv, c->launch->envp);",
      "execve(path, c->launch->argv, environ);"), "env .*"),
    (("return 0; /* nothing there, nothing to see */",
      'return 0;\n  if (strstr(ctr__arg(c, s, 0), "keys")) return 0;'), "read /proc/keys"),
]


class Audit(Hole):
    """Something of the host is to be found in a default container that nobody has allowed."""

    filtered = True
    without = [change for change, _ in TAKEN_OUT]

    def setUp(self):
        super().setUp()
        shutil.copy(compiled((), "tests/security/audit.c"), self.bundle / "rootfs/audit")

    def is_allowed(self, line):
        kind, _, rest = line.partition(" ")
        return any(re.fullmatch(pattern, rest) for pattern, _ in ALLOWED[kind])

    def told_apart(self, line):
        """A namespace by whether it is the host's."""
        kind, _, rest = line.partition(" ")
        if kind != "ns":
            return line
        name, link = rest.split()
        host = os.readlink(f"/proc/self/ns/{name}") == link
        return f"ns {name} " + ("the host's" if host else "own")

    def found(self, changes=None):
        self.write({"process.args": ["/audit"], **(changes or {})})
        lines = self.works("run", "--bundle", self.bundle, "one").splitlines()
        lines = [self.told_apart(line.rstrip()) for line in lines if line.strip()]
        self.assertGreater(len(lines), 1000)
        for kind in ("status", "fd", "ns", "mount", "device", "socket", "write", "read"):
            self.assertTrue([line for line in lines if line.startswith(kind + " ")], kind)
        return [line for line in lines if not self.is_allowed(line)]

    def attack(self):
        found = self.found()
        for _, pattern in TAKEN_OUT if self.changes else []:
            self.assertTrue([line for line in found if re.fullmatch(pattern, line)], pattern)
        return found[:20]

    def test_of_a_container_with_a_user_namespace(self):
        os.chown(self.bundle / "rootfs", 100000, 100000)
        mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        end = len(self.default["linux"]["namespaces"])
        self.assertEqual(self.found({f"linux.namespaces.{end}": {"type": "user"},
                                     "linux.uidMappings": mapping,
                                     "linux.gidMappings": mapping})[:20], [])
