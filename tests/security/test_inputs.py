"""Holes by what a caller passes on from others: lengths, users, names, numbers of processes."""

import os
import signal
import subprocess
from pathlib import Path

from hole import Hole
from lifecycle import ROOT

LONG = 70_000  # more than 16 bits of a length


class CVE_2021_43784(Hole):
    """A length does not fit where it is noted down: what follows is read in another's place."""

    without = [("return text ? ctr__add_bytes(b, text, strlen(text) + 1, 1) : 0;",
                "return text ? ctr__add_bytes(b, text, (uint16_t)(strlen(text) + 1), 1) : 0;")]

    def attack(self):
        wanted = [f"A={'x' * LONG}", "B=" + "y" * (1 << 16), "C=z"]
        self.write({"process.env": wanted, "process.args": ["/probe", "self"]})
        said = self.works("run", "--bundle", self.bundle, "one")
        if [line[4:] for line in said.splitlines() if line.startswith("env ")] != wanted:
            return "another environment"
        self.default["process"]["args"] = ["/probe", "exit", "0"]
        end = len(self.default["linux"]["namespaces"]) - 1
        mappings = [{"containerID": i, "hostID": 100000 + i, "size": 1} for i in range(LONG // 10)]
        path = "/" + "x" * LONG
        for changes in ({"linux.uidMappings": mappings, "linux.gidMappings": mappings,
                         f"linux.namespaces.{end}": {"type": "user"}},
                        {f"linux.namespaces.{end}.path": path}, {"process.cwd": path},
                        {"process.args": [path]}, {"hostname": "x" * LONG}, {"root.path": path},
                        {"linux.cgroupsPath": path}, {"linux.maskedPaths": [path]},
                        {"mounts.0.destination": path}, {"linux.sysctl": {f"net.{path}": "1"}}):
            self.write(changes)
            result = self.runtime("run", "--bundle", self.bundle, "one")
            if not result.returncode and (not ROOT and "linux.cgroupsPath" in changes
                                          or "linux.maskedPaths" in changes):
                continue  # a warning, for who may make none; what is not there is not masked
            self.assertEqual((result.returncode, result.stdout), (1, ""), [*changes])
            self.assertEqual(result.stderr.count("\n"), 1)
            self.assertLess(len(result.stderr), 1000)
        return None


class CVE_2026_30892(Hole):
    """A user that is no number is read as one: the process is another user than was asked for."""

    without = [("  if (!parse_number(text, UINT32_MAX - 1, &id)) return false;\n",
                "  id = strtoull(text, NULL, 0);\n", "examples/oci/exec.h")]

    def attack(self):
        self.start("one")
        taken = []
        for user in ("0x0", "+0", " 0", "0 ", "0:", ":0", ":", "", "-0", "0:-0", "00x", "0:0:0",
                     "0:root", "root", "4294967295", "4294967296", "99999999999", "0\n", "0,0"):
            result = self.runtime("exec", "--user", user, "one", "/probe", "self")
            if "\nuid " in result.stdout:
                taken.append(user)
            else:
                self.assertNotEqual(result.returncode, 0, user)
        return taken


class Ids(Hole):
    """A container's name leads out of the directory that states are kept in."""

    without = [("if (len && len <= 1024 && strspn(id, allowed) == len && strcmp(id, \".\") && "
                "strcmp(id, \"..\"))", "if (len)")]

    def attack(self):
        self.create("keep")  # so that there is a directory to lead out of
        for name in ("../outside", "keep/inside"):
            self.write(self.own_cgroup(name))
            self.runtime("create", "--bundle", self.bundle, name)
        found = [path for path in (self.area / "outside", self.root / "keep/inside")
                 if path.exists()]
        for name in ("../outside", "keep/inside"):
            self.runtime("delete", "--force", name)
        return found


class Signals_and_pids(Hole):
    """A process that got the number of one that has ended is taken for it, and signalled."""

    without = [(": stat.start_time != start_time;", ": false;")]

    def attack(self):
        pid = self.create("one")
        os.kill(pid, signal.SIGKILL)
        self.reap(pid)
        other = self.take_pid(pid)
        try:
            for command in (["kill", "one", "KILL"], ["kill", "one", "STOP"], ["start", "one"],
                            ["exec", "one", "/probe", "exit", "0"], ["pause", "one"],
                            ["delete", "--force", "one"]):
                self.runtime(*command)
                if other.poll() is not None:
                    return command
            return None
        finally:
            other.kill()
            other.wait()

    def take_pid(self, pid):
        """A process that has this pid, which must be free: pid_namespaces(7), ns_last_pid."""
        last = Path("/proc/sys/kernel/ns_last_pid")
        for _ in range(200):
            try:
                last.write_text(str(pid - 1))
            except OSError as error:
                self.skipTest(f"the next pid cannot be chosen here: {error}")
            other = subprocess.Popen([self.bundle / "rootfs/probe", "wait"])
            if other.pid == pid:
                return other
            other.kill()
            other.wait()
        self.skipTest("others take all pids here")
