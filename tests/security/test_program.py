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

from hole import SEEN_BY_HOOKS, Hole, compiled, weakened
from lifecycle import DEADLINE, until
import lifecycle

# What stands in ctr.h where it is decided whether the program is hidden, and by which kernel.
IN_REACH = [("if (f->program == CTR__PROGRAM_SAFE) return false;", "return false;")]
CANNOT = ("return ctr__mm_map_size() != 0;", "return false;")
# ctr-oci itself, as a program that goes on until its standard input ends.
ITSELF = ["/proc/self/exe", "update", "--resources", "-", "x"]
SOCKET = "/volume/s"
CAPS = ["CAP_SYS_PTRACE", "CAP_CHECKPOINT_RESTORE"]


class Program(Hole):
    """A container that keeps files it is handed, and writes to them as soon as that is possible."""

    def setUp(self):
        super().setUp()
        shutil.copy(compiled((), "tests/security/writer.c"), self.bundle / "rootfs/writer")
        (self.area / "volume").mkdir()
        self.default["mounts"].append({"destination": "/volume", "type": "bind",
                                       "source": str(self.area / "volume"),
                                       "options": ["rbind", "rw"]})
        self.input, self.output = os.pipe()
        self.addCleanup(os.close, self.input)
        self.addCleanup(self.end_input)

    def end_input(self):
        if self.output >= 0:
            os.close(self.output)
            self.output = -1

    def prey(self, program):
        """A copy of it, with a container at hand that is after it."""
        self.copy = Path(shutil.copy(program, self.area))
        self.digest = self.hash()
        self.start("keeper", {"process.args": ["/writer", "keep", SOCKET]})
        return self.copy

    def hash(self):
        return hashlib.sha256(self.copy.read_bytes()).hexdigest()

    def prepare(self):
        self.use(self.prey(lifecycle.RUNTIME))

    def send(self, name, pid, *options):
        """A process of the container hands over what another one there is."""
        self.works("exec", *options, name, "/writer", "send", SOCKET, str(pid))

    def harvest(self):
        """Whether the program was written to, once all has been tried that was handed over."""
        self.end_input()
        until(lambda: re.search(r"^kept \d", self.said(), re.M), f"all is tried: {self.said()}")
        self.assertNotIn("kept 0\n", self.said())
        return self.hash() != self.digest

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
    args = ["/script", *ITSELF[1:]]

    def attack(self):
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
        return self.run_itself(["/loaded"])


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
    already = [SEEN_BY_HOOKS]

    def attack(self):
        self.prepare()
        hook = {"path": "/writer", "args": ["writer", "send", SOCKET, "1"]}
        self.write({**self.own_cgroup("one"), "process.args": ["/probe", "exit", "0"],
                    "hooks": {"startContainer": [hook]}})
        self.works("run", "--bundle", self.bundle, "one")
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
            [self.prey(program), self.bundle / "rootfs", SOCKET, self.area / "volume", *args],
            capture_output=True, text=True, timeout=DEADLINE)
        return self.result


class CVE_2019_5736_function(Function):
    """It is no program that is contained but a function of the caller's, for as long as it likes."""

    without = IN_REACH

    def attack(self):
        result = self.call()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return self.harvest()


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
        self.use(weakened(CANNOT, SEEN_BY_HOOKS))
        self.prepare()
        hook = {"path": "/writer", "args": ["writer", "send", SOCKET, "1"]}
        self.write({**self.own_cgroup("one"), "process.args": ["/probe", "exit", "0"],
                    "hooks": {"startContainer": [hook]}})
        self.works("run", "--bundle", self.bundle, "one")
        self.assertFalse(self.harvest())


if __name__ == "__main__":
    unittest.main()
