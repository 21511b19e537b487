"""Holes in who a process is: its capabilities, its user, its keys."""

import re
import shutil

from hole import Hole
from oci import BUILD

NONE = {"0000000000000000"}
KEEPS_CAPABILITIES = ("return (int)CTR__CALL(SYS_capset, &head, data);", "return 0;")


class CVE_2022_27650_CVE_2022_29162(Hole):
    """Capabilities are inheritable though nobody asked: a program's file capabilities then give
    more than the container may have."""

    without = [("data[i].inheritable = (uint32_t)(s->num[2] >> 32 * i);",
                "data[i].inheritable = (uint32_t)(s->num[1] >> 32 * i);")]

    def attack(self):
        self.start("one")
        self.default["process"]["args"] = ["/probe", "self"]
        self.write()
        said = self.works("run", "--bundle", self.bundle, "two")
        said += self.works("exec", "one", "/probe", "self")
        found = re.findall(r"^Cap(?:Inh|Amb) (\S+)$", said, re.M)
        self.assertEqual(len(found), 4, said)
        return set(found) - NONE


class CVE_2020_5291(Hole):
    """Capabilities that the start took are still there in the program."""

    without = [KEEPS_CAPABILITIES]

    def attack(self):
        kinds = ("permitted", "effective", "inheritable", "ambient")
        self.default["process"]["capabilities"].update({kind: [] for kind in kinds})
        self.start("one")
        self.write({**self.own_cgroup("two"), "process.args": ["/probe", "self"]})
        said = self.works("run", "--bundle", self.bundle, "two")
        said += self.works("exec", "one", "/probe", "self")
        found = re.findall(r"^Cap(?:Inh|Prm|Eff|Amb) (\S+)$", said, re.M)
        self.assertEqual(len(found), 8, said)
        return set(found) - NONE


# -- what the start can reach, and the program cannot --

class Closed(Hole):
    """A directory of the image which somebody with all capabilities may search, or root. In there
    are a program and a file that everybody may use."""

    mode, uid = 0o700, 1000

    def setUp(self):
        super().setUp()
        closed = self.bundle / "rootfs/closed"
        closed.mkdir()
        self.addCleanup(closed.chmod, 0o700)
        shutil.copy(BUILD / "container/probe", closed)
        (closed / "file").touch(0o644)
        closed.chmod(self.mode)
        self.default["process"]["user"] = {"uid": self.uid, "gid": self.uid}

    def runs(self, *args, **changes):
        """Whether a container runs; there is one reason not to."""
        config = {**self.own_cgroup("one"), "process.args": list(args)}
        self.write({**config, **{name.replace("__", "."): to for name, to in changes.items()}})
        result = self.runtime("run", "--bundle", self.bundle, "one")
        if result.returncode:
            self.assertIn("Permission denied", result.stderr)
        return not result.returncode


class ClosedProgram(Closed):
    """It is to be run, by its path, or by that of a working directory, which may be entered."""

    ways = [("/", "/closed/probe"), ("/", "probe"), ("/closed", "./probe"),
            ("/closed", "/proc/self/cwd/probe")]

    def attack(self):
        return [way for way in self.ways if self.runs(way[1], "exit", "0", process__cwd=way[0],
                                                      process__env=["PATH=/closed"])]

    def check_opens(self):
        self.assertEqual(self.try_without(*self.without), self.ways)


class ClosedHook(Closed):
    """It is a hook that is run inside."""

    def attack(self):
        hook = {"path": "/closed/probe", "args": ["probe", "exit", "0"]}
        return self.runs("/probe", "exit", "0", hooks={"startContainer": [hook]})


class ClosedExec(Closed):
    """It is executed in a running container."""

    def attack(self):
        self.start("one")
        result = self.runtime("exec", "one", "/closed/probe", "exit", "0")
        if result.returncode:
            self.assertIn("Permission denied", result.stderr)
        return not result.returncode


# The program's user is not taken, but for the groups.
STILL_ROOT = [("if (r == 0) r = CTR__CALL(CTR__SYS_setresuid, uid, uid, uid);", "")]


class CVE_2020_5291_program_of_roots(ClosedProgram):
    without = STILL_ROOT


class CVE_2020_5291_hook_of_roots(ClosedHook):
    without = STILL_ROOT


class CVE_2020_5291_exec_of_roots(ClosedExec):
    without = STILL_ROOT


class CVE_2020_5291_working_directory_of_roots(Closed):
    """It is entered by root, as users of runc rely on: nothing else is gained by being there."""

    without = STILL_ROOT

    def attack(self):
        self.write({**self.own_cgroup("one"), "process.cwd": "/closed",
                    "process.args": ["/probe", "self"]})
        self.assertIn("cwd /closed\n", self.works("run", "--bundle", self.bundle, "one"))
        ways = ["file", "./file", "../closed/file", "/proc/self/cwd/file", "."]
        self.write({**self.own_cgroup("two"), "process.cwd": "/closed",
                    "process.args": ["/probe", "open", *ways]})
        said = self.works("run", "--bundle", self.bundle, "two")
        self.assertEqual(said.count("\n"), len(ways))
        return re.findall(r"^(\S+) open$", said, re.M)


class CVE_2020_5291_program_of_nobodys(ClosedProgram):
    without = [KEEPS_CAPABILITIES]
    mode, uid = 0, 0


class CVE_2020_5291_hook_of_nobodys(ClosedHook):
    without = [KEEPS_CAPABILITIES]
    mode, uid = 0, 0


class CVE_2020_5291_exec_of_nobodys(ClosedExec):
    without = [KEEPS_CAPABILITIES]
    mode, uid = 0, 0
