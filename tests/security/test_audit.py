"""What is to be found from inside a default container, all of it: the list is allowed.py."""

import os
import re
import shutil

from allowed import ALLOWED
from hole import Hole, compiled


class Audit(Hole):
    """Something of the host is to be found in a default container that nobody has allowed."""

    filtered = True
    without = [("    [CTR__STEP_READONLY] = ctr__child_readonly,\n",
                "    [CTR__STEP_READONLY] = ctr__child_keep_umask,\n")]

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
        return self.found()[:20]

    def test_of_a_container_with_a_user_namespace(self):
        os.chown(self.bundle / "rootfs", 100000, 100000)
        mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        end = len(self.default["linux"]["namespaces"])
        self.assertEqual(self.found({f"linux.namespaces.{end}": {"type": "user"},
                                     "linux.uidMappings": mapping,
                                     "linux.gidMappings": mapping})[:20], [])
