"""CVE-2019-5736 and its like: code inside gets hold of the host's program by a process of the
container that still is that program, and writes to it when nobody runs it any more. Each way in is a
class. All of it is done to a copy."""

import hashlib
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from hole import GUARDED, SEEN_BY_HOOKS, Hole, bind, compiled, weakened
from lifecycle import DEADLINE, until
import lifecycle

# What stands in ctr.h where it is decided whether the program is hidden, and by which kernel.
IN_REACH = [("if (f->program == CTR__PROGRAM_SAFE) return false;", "return false;")]
NOT_MAPPED = [("return ctr__has_uid(b, f->program_uid);", "return false;")]
CANNOT = ("return ctr__mm_map_size() != 0;", "return false;")
# ctr-oci itself, as a program that goes on until its standard input ends.
ITSELF = ["/proc/self/exe", "update", "--resources", "-", "x"]
CAPS = ["CAP_SYS_PTRACE", "CAP_CHECKPOINT_RESTORE"]


class Program(Hole):
    """A container that keeps files it is handed, and writes to them as soon as that is possible."""

    def setUp(self):
        super().setUp()
        shutil.copy(compiled((), "tests/security/writer.c"), self.bundle / "rootfs/writer")
        self.area.chmod(0o755)
        (self.area / "volume").mkdir()
        self.place()
        self.default["process"]["args"][0] = self.image + "/probe"
        self.default["mounts"].append(bind(self.area / "volume", self.volume, "rw"))
        self.writer, self.socket = f"{self.image}/writer", f"{self.volume}/s"
        self.input, self.output = os.pipe()
        self.addCleanup(os.close, self.input)
        self.addCleanup(self.end_input)

    def place(self):
        """Where the image's files are for who is in there, and the volume."""
        self.image, self.volume = "", "/volume"

    def end_input(self):
        if self.output >= 0:
            os.close(self.output)
            self.output = -1

    def prey(self, program):
        """A copy of it, with a container at hand that is after it."""
        self.copy = Path(shutil.copy(program, self.area))
        self.digest = self.hash()
        self.start("keeper", {"process.args": [self.writer, "keep", self.socket]})
        return self.copy

    def hash(self):
        return hashlib.sha256(self.copy.read_bytes()).hexdigest()

    def prepare(self):
        self.use(self.prey(lifecycle.RUNTIME))

    def send(self, name, pid, *options):
        """A process of the container hands over what another one there is."""
        self.works("exec", *options, name, self.writer, "send", self.socket, str(pid))

    def harvest(self):
        """Whether the program was written to, once all has been tried that was handed over."""
        self.end_input()
        until(lambda: re.search(r"^kept \d", self.said(), re.M), f"all is tried: {self.said()}")
        self.assertNotIn("kept 0\n", self.said())
        return self.hash() != self.digest

    def run_hook(self):
        """One that is run inside, after its first process."""
        hook = {"path": self.writer, "args": ["writer", "send", self.socket, "1"]}
        self.write({**self.own_cgroup("one"), "process.args": [f"{self.image}/probe", "exit", "0"],
                    "hooks": {"startContainer": [hook]}})
        self.works("run", "--bundle", self.bundle, "one")

    def run_itself(self, args):
        """Whether the first process of a container can be the host's program."""
        self.create("one", {"process.args": args}, stdin=self.input)
        result = self.runtime("start", "one")
        if result.returncode:
            self.assertRegex(result.stderr, "Exec format error|Input/output error")
        return not result.returncode


class First(Program):
    """The first process of a container is the host's program."""

    args = ITSELF

    def attack(self):
        self.prepare()
        if not self.run_itself(self.args):
            self.assertEqual(self.hash(), self.digest)
            return False
        self.send("one", 1)
        return self.harvest()


class CVE_2019_5736_entry_point(First):
    """The image's program is /proc/self/exe."""

    without = IN_REACH


class CVE_2019_5736_script(First):
    """It is a script that names /proc/self/exe as what it is to be read by."""

    without = IN_REACH

    def attack(self):
        self.args = [f"{self.image}/script", *ITSELF[1:]]
        script = self.bundle / "rootfs/script"
        script.write_text("#!/proc/self/exe --root\n")
        script.chmod(0o755)
        return super().attack()


class CVE_2019_5736_loader(Program):
    """It names /proc/self/exe as its loader: the host's program then runs in the image's own."""

    without = IN_REACH

    def attack(self):
        source = self.area / "loaded.c"
        source.write_text("void _start(void) { for (;;) {} }\n")
        subprocess.run([os.environ.get("CC", "cc"), "-nostdlib", "-pie", "-fPIE",
                        "-Wl,--dynamic-linker=/proc/self/exe", source,
                        "-o", self.bundle / "rootfs/loaded"], check=True)
        self.prepare()
        return self.run_itself([f"{self.image}/loaded"])


class CVE_2019_5736_exec(Program):
    """It is what somebody executes in a running container."""

    without = IN_REACH

    def attack(self):
        self.prepare()
        self.start("one")
        pid_file = self.area / "pid"
        running = self.spawn("exec", "--pid-file", pid_file, "one", *ITSELF, stdin=self.input)
        until(lambda: running.process.poll() is not None or
              (pid_file.exists() and pid_file.read_text()), "it is executed, or refused")
        if running.process.poll() is not None:
            self.assertIn("Exec format error", running.wait().stderr)
            self.assertEqual(self.hash(), self.digest)
            return False
        status = Path("/proc", pid_file.read_text(), "status").read_text()
        self.send("one", re.search(r"^NSpid:.*\s(\d+)$", status, re.M)[1])
        return self.harvest()


class CVE_2019_5736_hook(Program):
    """A hook that is run inside is after the process that runs it, which is not the image's program
    yet."""

    without = IN_REACH
    already = [SEEN_BY_HOOKS, GUARDED]

    def attack(self):
        self.prepare()
        self.run_hook()
        return self.harvest()


class CVE_2019_5736_waiting(Program):
    """What is executed in a container that waits to be started is after its first process: by the
    file that it runs, and, with the capability for that, by what is mapped of it."""

    without = IN_REACH

    def attack(self):
        self.prepare()
        pid = self.create("one")
        self.send("one", 1, *[word for cap in CAPS for word in ("--cap", cap)])
        os.kill(pid, 9)  # all that still is the program
        return self.harvest()


class Function(Program):
    """A function that is contained by a program, and after that."""

    def call(self, *args, changes=None):
        program = compiled(self.changes if changes is None else changes,
                           "tests/security/embedder.c")
        self.result = subprocess.run(
            [self.prey(program), self.default["root"]["path"], self.socket, self.area / "volume",
             *args], cwd=self.bundle,
            capture_output=True, text=True, timeout=DEADLINE)
        return self.result


class CVE_2019_5736_function(Function):
    """It is no program that is contained but a function of the caller's, for as long as it likes."""

    without = IN_REACH

    def attack(self):
        result = self.call()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return self.harvest()


# -- the host's root is the container's: all of this, and the program by its own path --

class HostsRoot(Program):
    """Read-only, without anything that would lie over the files of the test."""

    def place(self):
        self.image, self.volume = f"{self.bundle}/rootfs", f"{self.area}/volume"
        self.default["root"] = {"path": "/", "readonly": True}
        self.default["mounts"] = [mount for mount in self.default["mounts"]
                                  if mount["destination"] not in ("/tmp", "/run")]


class CVE_2019_5736_entry_point_on_the_hosts_root(HostsRoot, CVE_2019_5736_entry_point):
    without = IN_REACH


class CVE_2019_5736_script_on_the_hosts_root(HostsRoot, CVE_2019_5736_script):
    without = IN_REACH


class CVE_2019_5736_loader_on_the_hosts_root(HostsRoot, CVE_2019_5736_loader):
    without = IN_REACH


class CVE_2019_5736_exec_on_the_hosts_root(HostsRoot, CVE_2019_5736_exec):
    without = IN_REACH


class CVE_2019_5736_hook_on_the_hosts_root(HostsRoot, CVE_2019_5736_hook):
    without = IN_REACH


class CVE_2019_5736_waiting_on_the_hosts_root(HostsRoot, CVE_2019_5736_waiting):
    without = IN_REACH


class CVE_2019_5736_function_on_the_hosts_root(HostsRoot, CVE_2019_5736_function):
    without = IN_REACH


class CVE_2019_5736_own_path_on_the_hosts_root(HostsRoot):
    """The program's own path leads to it, which root.readonly alone keeps from being written to."""

    without = [('if (b->config->root.readonly) ctr__plan_set_attr(b, "root.readonly", "/", '
                "CTR__ATTR_RDONLY, 0);", "")]

    def attack(self):
        self.prepare()
        ways = ["", "/proc/self/root", "/proc/1/root", "/proc/self/cwd"]
        paths = [f"{way}{self.copy}" for way in ways]
        self.start("one", {"process.args": [self.writer, "write", *paths]}, heard="")
        tried = r"^(written|Read-only file system|Text file busy)$"
        until(lambda: len(re.findall(tried, self.said(), re.M)) == len(ways), "all is tried")
        return self.hash() != self.digest


# -- a user namespace that has an id with a right to it --

class OfRoot(Program):
    """The program is root's, whom the namespace maps: user 0 or another one. A process that waits
    to be started took the namespace's ids, and cannot be looked into (PR_SET_DUMPABLE(2const))."""

    inside = 0
    rest = {"containerID": 1, "hostID": 100001, "size": 100}

    def place(self):
        super().place()
        self.default["linux"]["namespaces"].append({"type": "user"})
        maps = [{"containerID": self.inside, "hostID": 0, "size": 1}, self.rest]
        self.default["linux"]["uidMappings"] = self.default["linux"]["gidMappings"] = maps
        self.default["process"]["user"] = {"uid": self.inside, "gid": self.inside}


class CVE_2019_5736_entry_point_of_a_root_that_is_mapped(OfRoot, CVE_2019_5736_entry_point):
    without = NOT_MAPPED


class CVE_2019_5736_exec_of_a_root_that_is_mapped(OfRoot, CVE_2019_5736_exec):
    without = NOT_MAPPED


class CVE_2019_5736_hook_of_a_root_that_is_mapped(OfRoot, CVE_2019_5736_hook):
    without = NOT_MAPPED


class CVE_2019_5736_entry_point_of_a_root_that_is_user_5(OfRoot, CVE_2019_5736_entry_point):
    without = NOT_MAPPED
    inside = 5
    rest = {"containerID": 0, "hostID": 100000, "size": 5}

    def place(self):
        super().place()
        for path in (self.bundle / "rootfs", self.area / "volume"):
            os.chown(path, 100000, 100000)
            path.chmod(0o777)


class CVE_2019_5736_entry_point_that_others_may_write(OfRoot, CVE_2019_5736_entry_point):
    """Nobody inside owns it."""

    without = [("if (f->program == CTR__PROGRAM_WRITABLE || ", "if (")]

    def place(self):
        super().place()
        maps = [{"containerID": 0, "hostID": 100000, "size": 100}]
        self.default["linux"]["uidMappings"] = self.default["linux"]["gidMappings"] = maps
        for path in (self.bundle / "rootfs", self.area / "volume"):
            os.chown(path, 100000, 100000)

    def prey(self, program):
        copy = super().prey(program)
        copy.chmod(0o757)
        return copy


class Elsewhere(Function):
    """Where it cannot be hidden as usual."""

    def test_a_program_that_was_deleted_is_hidden_all_the_same(self):
        result = self.call("unlink")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        until(lambda: re.search(r"^kept \d", self.said(), re.M), "all is tried")
        self.assertNotIn("written", self.said())

    def test_a_kernel_that_cannot_hide_it_is_told_of(self):
        result = self.call(changes=(CANNOT,))
        self.assertEqual(result.returncode, 1)
        self.assertIn("call ctr_seal_program first in main()", result.stderr)

    def test_a_program_that_seals_itself_needs_nothing_more(self):
        for changes in (), (CANNOT,):
            with self.subTest(changes=changes):
                result = self.call("seal", changes=changes)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertFalse(self.harvest())
                self.works("delete", "--force", "keeper")
                self.said_file.write_text("")
                (self.area / "volume/s").unlink()

    def test_the_command_line_seals_itself_there(self):
        self.use(weakened(CANNOT, SEEN_BY_HOOKS, GUARDED))
        self.prepare()
        self.run_hook()
        self.assertFalse(self.harvest())


if __name__ == "__main__":
    unittest.main()
