"""Holes by what a caller passes on from others: lengths, users, names, numbers of processes."""

import os
import signal
import subprocess

from hole import Hole, compiled
from lifecycle import DEADLINE, ROOT

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
    """A container's name leads out of the directory that states are kept in, or does something to
    the terminal of who lists them."""

    without = [("if (len && len <= 1024 && strspn(id, allowed) == len && strcmp(id, \".\") != 0 "
                "&&\n      strcmp(id, \"..\") != 0)", "if (true || len || *allowed)")]

    def attack(self):
        self.create("keep")  # so that there is a directory to lead out of
        before, taken = self.entries(), []
        for name in ("../outside", "keep/inside", "", ".", "..", "x" * 2048, "a\nb", "\x1b[2Jx",
                     "\x7f", "\xe4", " ", "keep/../x"):
            self.write(self.own_cgroup(name))
            result = self.runtime("create", "--bundle", self.bundle, name)
            there = self.entries() != before or (self.area / "outside").exists()
            taken += [name] * (there or result.returncode == 0)
            if not self.changes:
                self.assertEqual(result.returncode, 1, name)
                self.assertNotRegex(result.stderr.rstrip("\n"), r"[\x00-\x1f\x7f]")
                self.fails("delete", "--force", "--", name, part="is no container id")
            elif name not in ("", ".", ".."):
                self.runtime("delete", "--force", "--", name)
        return taken


class State_root(Hole):
    """What others say of containers is believed: a state root that is theirs names the processes
    that are signalled and the hooks that are run."""

    def make(self, other):
        """The state root becomes another."""

    def attack(self):
        self.create("one")
        self.make(self.area / "other")
        found = []
        for command in (["state", "one"], ["kill", "one", "0"], ["list"],
                        ["create", "--bundle", self.bundle, "two"]):
            result = self.runtime(*command)
            found += [command[0]] * (result.returncode == 0)
        self.put_back()
        return found

    def put_back(self):
        """So that what was made is found again and ended."""


OWNED = "if (fd >= 0 && (st.st_uid != geteuid() || (st.st_mode & 022)))"


class State_root_that_others_write(State_root):
    """Everybody can write there."""

    without = [(OWNED, "if (fd >= 0 && st.st_uid != geteuid())")]

    def make(self, other):
        self.root.chmod(0o777)

    def put_back(self):
        self.root.chmod(0o700)


class State_root_of_another(State_root):
    """Another user owns it."""

    without = [(OWNED, "if (fd >= 0 && (st.st_mode & 022))")]

    def make(self, other):
        os.chown(self.root, 12345, 12345)

    def put_back(self):
        os.chown(self.root, 0, 0)


class State_root_by_a_link(State_root):
    """A link in its place leads elsewhere, where what is looked at may be exchanged."""

    without = [("O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);\n  if (fd == -ENOENT && make) {",
                "O_RDONLY | O_DIRECTORY, 0);\n  if (fd == -ENOENT && make) {")]

    def make(self, other):
        self.root.rename(other)
        self.root.symlink_to(other)

    def put_back(self):
        self.root.unlink()
        (self.area / "other").rename(self.root)


class State_by_a_link(State_root):
    """The same of one container's directory in it."""

    without = [("c->dir = code ? -1 : ctr__open(c->root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)",
                "c->dir = code ? -1 : ctr__open(c->root, id, O_RDONLY | O_DIRECTORY, 0)")]

    def attack(self):
        return [command for command in super().attack() if command not in ("list", "create")]

    def make(self, other):
        (self.root / "one").rename(other)
        (self.root / "one").symlink_to(other)

    def put_back(self):
        (self.root / "one").unlink()
        (self.area / "other").rename(self.root / "one")


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


class Handle_of_what_was_deleted(Hole):
    """A handle is kept beyond the end of its container, and of a new one of that id all processes
    are signalled, for it has the same cgroups."""

    without = [("if (st.st_nlink) return CTR_OK;", "return CTR_OK;")]

    def attack(self):
        self.create("one")
        keeper = subprocess.Popen([compiled(self.changes, "tests/security/stale.c"), self.root,
                                   "one"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(keeper.kill)
        self.assertEqual(keeper.stdout.readline(), "open\n")
        self.works("delete", "--force", "one")
        pid = self.create("one", config=False)
        said = keeper.communicate("go\n", DEADLINE)[0].split()
        self.assertEqual(said[::2], ["pids", "stats", "signal"])
        if self.status("one") == "stopped":
            return self.reap(pid)
        self.assertEqual({*said[1::2]}, {"CTR_E_NOT_FOUND"})
        return None
