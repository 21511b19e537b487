"""Terminals: handed over to somebody else (create, --detach), and kept for our own user, in front
of a pseudo terminal that stands for his (run, exec --tty). pty(7), termios(3), runc's terminals.md.
"""

import array
import fcntl
import os
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import termios
import threading
import time
import unittest

from lifecycle import BUSYBOX, DEADLINE, RUNTIME, Containers, alive, until
from oci import BUILD, ROOT, run

MIB = 1 << 20
PS1 = "inside% "
JOB = """/busybox sh -c 'echo st""arted; exec /busybox cat'"""  # not typed as it is said


def size_of(fd):
    return struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))[:2]


def waiting_input(fd):
    count = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return count[0]


class Screen:
    """A terminal's master: what is typed into it, what is seen of it."""

    def __init__(self, master):
        self.master = master
        os.set_blocking(master, False)
        self.text = b""
        self.at = 0  # what see() has gone past

    def read(self, seconds):
        """Reads what is there, waiting for it a while; False when nobody has it open any more."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            new = os.read(self.master, 65536)
        except BlockingIOError:
            return True
        except OSError:  # EIO: pty(7)
            return False
        self.text += new
        return bool(new)

    def see(self, pattern):
        """Waits for something to appear after what was seen last; the match."""
        end = time.monotonic() + DEADLINE
        while True:
            found = re.compile(pattern.encode()).search(self.text, self.at)
            if found:
                self.at = found.end()
                return found
            if time.monotonic() > end or not self.read(0.1):
                raise AssertionError(f"{pattern!r} is not seen: {self.text[self.at:][-2000:]}")

    def type(self, text):
        data = text.encode()
        while data:
            select.select([], [self.master], [], DEADLINE)
            data = data[os.write(self.master, data):]

    def rest(self):
        """All that was and will be seen, until nobody has the terminal open any more."""
        end = time.monotonic() + DEADLINE
        while self.read(0.1):
            if time.monotonic() > end:
                raise AssertionError("the terminal stays open")
        return self.text.decode(errors="replace").replace("\r\n", "\n")


class Desk(Screen):
    """A terminal that somebody sits at, set in a way that nobody sets by chance."""

    def __init__(self, rows=24, columns=80):
        master, self.slave = os.openpty()
        super().__init__(master)
        self.resize(rows, columns)
        mode = termios.tcgetattr(self.slave)
        mode[0] &= ~termios.IXON
        mode[6][termios.VEOL] = b"\x0b"
        termios.tcsetattr(self.slave, termios.TCSANOW, mode)
        self.mode = termios.tcgetattr(self.slave)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def streams(self):
        """As a login gives them to a shell: for subprocess."""
        return {"stdin": self.slave, "stdout": self.slave, "stderr": self.slave,
                "start_new_session": True,
                "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)}

    def mark(self):
        """Writes a zero byte, as a program would: when that is seen, all before it was."""
        own = os.open(os.ttyname(self.slave), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        while True:
            try:
                os.write(own, b"\0")
                return os.close(own)
            except BlockingIOError:  # there is no room
                self.read(0.05)

    def until_end_of(self, running):
        """Reads on until a command has ended; its exit code, and all that was seen."""
        end = time.monotonic() + DEADLINE
        while running.process.poll() is None:
            self.read(0.05)
            if time.monotonic() > end:
                raise AssertionError(f"it does not end: {self.text[-2000:]}")
        self.mark()
        self.see("\0")
        self.text = self.text[:-1]
        return running.wait().returncode, self.text.decode(errors="replace")

    def close(self):
        os.close(self.master)
        os.close(self.slave)


class Terminals(Containers):
    def setUp(self):
        super().setUp()
        if BUSYBOX.exists():
            shutil.copy(BUSYBOX, self.bundle / "rootfs/busybox")
        self.default["process"]["terminal"] = True
        self.default["process"]["env"].append(f"PS1={PS1}")

    def words(self, text):
        """What `probe terminal` said, by name."""
        return dict(re.findall(r"^(\w+) (.+?)\r*$", text, re.M))

    def assert_a_whole_terminal(self, said):
        for fd in range(3):
            self.assertRegex(said[f"tty{fd}"], r"^/dev/(console|pts/\d+)$")
        self.assertEqual((said["controlling"], said["leads"], said["foreground"]),
                         ("ours", "yes", "yes"))


class HandedOver(Terminals):
    """Somebody else keeps the terminal: it arrives at a console socket."""

    def setUp(self):
        super().setUp()
        path = self.area / "console"
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(DEADLINE)
        self.socket = ("--console-socket", path)

    def receive(self):
        """The master that was sent, as a Screen: one descriptor, with some name."""
        connection = self.listener.accept()[0]
        with connection:
            connection.settimeout(DEADLINE)
            name, fds, flags, _ = socket.recv_fds(connection, 4096, 16)
            for fd in fds:
                self.addCleanup(os.close, fd)
            self.assertEqual(len(fds), 1)
            self.assertNotEqual(name, b"")
            self.assertFalse(flags & socket.MSG_CTRUNC)
            self.assertEqual(connection.recv(4096), b"")  # that is all
        return Screen(fds[0])

    def test_a_master_of_the_containers_own_devpts_arrives(self):
        size = {"height": 33, "width": 101}
        pid = self.create("c", {"process.consoleSize": size}, *self.socket)
        screen = self.receive()
        found = os.fstat(screen.master)
        self.assertTrue(stat.S_ISCHR(found.st_mode))
        self.assertEqual(found.st_rdev, os.makedev(5, 2))  # /dev/ptmx
        self.assertEqual(size_of(screen.master), (33, 101))
        for path in ("/dev/ptmx", "/dev/pts/ptmx"):
            if os.path.exists(path):
                self.assertNotEqual(found.st_dev, os.stat(path).st_dev, path)
        self.works("start", "c")
        screen.see("ready")
        self.assertEqual(found.st_dev, os.stat(f"/proc/{pid}/root/dev/pts").st_dev)

    def test_inside_it_is_the_console_and_controls_the_session(self):
        self.create("c", {"process.args": ["/probe", "terminal"],
                          "process.consoleSize": {"height": 33, "width": 101}}, *self.socket)
        screen = self.receive()
        self.works("start", "c")
        said = self.words(screen.rest())
        self.assert_a_whole_terminal(said)
        self.assertEqual((said["console"], said["size"]), ("same", "33 101"))

    def test_it_belongs_to_the_user(self):
        user = 1000 if ROOT else 0  # an ordinary user has no other id to give away
        self.create("c", {"process.args": ["/probe", "terminal"],
                          "process.user": {"uid": user, "gid": user}}, *self.socket)
        screen = self.receive()
        self.works("start", "c")
        said = self.words(screen.rest())
        self.assertRegex(said["owner"], rf"^{user} 06[02]0$")
        self.assertEqual(said["controlling"], "ours")

    def test_what_is_typed_before_the_start_is_kept(self):
        self.create("c", {"process.args": ["/probe", "echo"]}, *self.socket)
        screen = self.receive()
        screen.type("early\n\x04")
        self.works("start", "c")
        self.assertGreaterEqual(screen.rest().count("early\n"), 1)

    def test_large_output_is_whole(self):
        self.create("c", {"process.args": ["/probe", "spew", str(MIB)]}, *self.socket)
        screen = self.receive()
        self.works("start", "c")
        self.assertEqual(screen.rest(), "x" * 2 * MIB)

    def test_a_detached_run_sends_it_too(self):
        self.write({"process.args": ["/probe", "terminal"]})
        self.works("run", "--detach", "--bundle", self.bundle, *self.socket, "c")
        self.assert_a_whole_terminal(self.words(self.receive().rest()))

    def test_exec_sends_a_terminal_of_its_own(self):
        self.create("c", None, *self.socket)
        first = self.receive()
        self.works("start", "c")
        first.see("ready")
        self.works("exec", "--detach", "--tty", *self.socket, "c", "/probe", "terminal")
        second = self.receive()
        self.assertEqual(os.fstat(second.master).st_dev, os.fstat(first.master).st_dev)
        said = self.words(second.rest())
        self.assert_a_whole_terminal(said)
        self.assertNotIn("tty0", first.text.decode())

    # -- refusals --

    def refused(self, *args, part=""):
        message = self.fails("create", "--bundle", self.bundle, *args, "c", part=part)
        self.assert_nothing_left("c")
        return message

    def test_create_needs_a_console_socket(self):
        self.write()
        self.refused(part="console")

    def test_a_console_socket_needs_a_terminal(self):
        self.write({"process.terminal": False})
        self.refused(*self.socket, part="console")

    def test_nobody_is_at_the_console_socket(self):
        self.write()
        silent = self.area / "silent"
        with socket.socket(socket.AF_UNIX) as bound:  # and never listens
            bound.bind(str(silent))
            file = self.area / "file"
            file.touch()
            for path in (self.area / "missing", silent, file):
                with self.subTest(path=path.name):
                    self.refused("--console-socket", path, part=str(path))

    def test_a_detached_exec_with_a_terminal_needs_a_console_socket(self):
        self.start("c", {"process.terminal": False})
        result = self.runtime("exec", "--detach", "--tty", "c", "/probe", "exit", "0")
        self.assertIn(result.returncode, (1, 255))
        self.assertIn("console", result.stderr)
        self.assertEqual(self.processes(), [self.state("c")["pid"]])


class AtTheDesk(Terminals):
    """Our user sits at a terminal, and what runs inside has one of its own behind it."""

    def setUp(self):
        super().setUp()
        self.desk = Desk(rows=31, columns=97)
        self.addCleanup(self.desk.close)

    def at_the_desk(self, *args, container=None):
        """run with these args, or exec them into a container that has no terminal."""
        if container:
            self.start(container, {"process.terminal": False})
            return self.spawn("exec", "--tty", "--env", f"PS1={PS1}", container, *args,
                              **self.desk.streams())
        self.write({"process.args": list(args)})
        return self.spawn("run", "--bundle", self.bundle, "c", **self.desk.streams())

    def either(self, args, use):
        """Both ways to sit in front of something, one after the other; use(running) does it."""
        for container in (None, "e"):
            with self.subTest("exec" if container else "run"):
                self.desk.text, self.desk.at = b"", 0
                use(self.at_the_desk(*args, container=container))
                self.assert_as_before()

    def assert_as_before(self):
        self.assertEqual(termios.tcgetattr(self.desk.slave), self.desk.mode)


class InFront(AtTheDesk):
    def test_it_is_a_whole_terminal_and_not_ours(self):
        def use(running):
            code, seen = self.desk.until_end_of(running)
            said = self.words(seen)
            self.assertEqual(code, 0, seen)
            self.assert_a_whole_terminal(said)
            self.assertEqual(said["size"], "31 97")

        self.either(["/probe", "terminal"], use)

    def test_signals_are_passed_on(self):
        def use(running):
            self.desk.see("ready")
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT):
                os.kill(running.pid, number)
                self.desk.see(f"signal {int(number)}\r")
            os.kill(running.pid, signal.SIGTERM)
            self.assertEqual(self.desk.until_end_of(running)[0], 0)

        self.either(["/probe", "hear"], use)

    def test_a_new_size_is_told(self):
        def use(running):
            self.desk.see("ready")
            self.desk.resize(20, 60)
            self.desk.see(f"signal {int(signal.SIGWINCH)}\r")
            self.desk.resize(31, 97)
            os.kill(running.pid, signal.SIGTERM)
            self.assertEqual(self.desk.until_end_of(running)[0], 0)

        self.either(["/probe", "hear"], use)

    def test_keys_become_signals_inside_only(self):
        def use(running):
            self.desk.see("ready")
            self.assertNotEqual(termios.tcgetattr(self.desk.slave), self.desk.mode)
            for key, number in (("\x03", signal.SIGINT), ("\x1c", signal.SIGQUIT),
                                ("\x1a", signal.SIGTSTP)):
                self.desk.type(key)
                self.desk.see(f"signal {int(number)}\r")
            os.kill(running.pid, signal.SIGTERM)
            self.assertEqual(self.desk.until_end_of(running)[0], 0)

        self.either(["/probe", "hear"], use)

    def test_the_terminal_is_restored_when_the_container_is_killed(self):
        running = self.at_the_desk("/probe", "hear")
        self.desk.see("ready")
        self.works("kill", "c", "KILL")
        self.assertEqual(self.desk.until_end_of(running)[0], 128 + signal.SIGKILL)
        self.assert_as_before()

    def test_the_terminal_is_restored_when_nothing_could_be_started(self):
        running = self.at_the_desk("/not/there")
        code, seen = self.desk.until_end_of(running)
        self.assertNotEqual(code, 0)
        self.assertIn("/not/there", seen)
        self.assert_as_before()
        self.assert_nothing_left("c")

    def test_large_output_is_whole(self):
        def use(running):
            code, seen = self.desk.until_end_of(running)
            self.assertEqual((code, len(seen), seen.count("x")), (0, 2 * MIB, 2 * MIB))

        self.either(["/probe", "spew", str(MIB)], use)

    def test_without_a_terminal_of_ours_it_still_has_one(self):
        self.write({"process.args": ["/probe", "terminal"]})
        result = self.runtime("run", "--bundle", self.bundle, "c")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assert_a_whole_terminal(self.words(result.stdout))
        self.write({"process.args": ["/probe", "spew", str(MIB)]})
        result = self.runtime("run", "--bundle", self.bundle, "c")
        self.assertEqual(len(result.stdout), 2 * MIB)

    # -- TIOCSTI: typing for somebody else --

    def typed(self, command, **kwargs):
        """What a program that types into its terminal leaves as if our user had typed it."""
        mode = termios.tcgetattr(self.desk.slave)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(self.desk.slave, termios.TCSANOW, mode)
        self.desk.mode = termios.tcgetattr(self.desk.slave)
        start = len(self.desk.text)
        running = self.spawn(*command, **self.desk.streams(), **kwargs)
        seen = self.desk.until_end_of(running)[1][start:]
        count = waiting_input(self.desk.slave)
        termios.tcflush(self.desk.slave, termios.TCIFLUSH)
        return seen, count

    def test_nothing_can_be_typed_into_our_terminal(self):
        """Nor without the filter, which forbids it to a terminal of one's own as well."""
        self.default.pop("annotations")
        by_hand = subprocess.Popen([BUILD / "container/probe", "tiocsti", "evil"],
                                   **self.desk.streams())
        self.assertEqual(by_hand.wait(DEADLINE), 0)
        if not self.desk.see("tiocsti (.*)\r")[1] == b"done":
            self.skipTest("the kernel lets nobody type for others (dev.tty.legacy_tiocsti)")
        termios.tcflush(self.desk.slave, termios.TCIFLUSH)
        for terminal in (False, True):
            with self.subTest(terminal=terminal):
                self.write({"process.args": ["/probe", "tiocsti", "evil"],
                            "process.terminal": terminal})
                seen, count = self.typed(["run", "--bundle", self.bundle, "c"])
                self.assertRegex(seen, "tiocsti done" if terminal else "tiocsti (?!done)")
                self.assertEqual(count, 0)
        self.start("e", {"process.terminal": False})
        for options in ([], ["--tty"]):
            with self.subTest(exec=options):
                seen, count = self.typed(["exec", *options, "e", "/probe", "tiocsti", "evil"])
                self.assertRegex(seen, "tiocsti done" if options else "tiocsti (?!done)")
                self.assertEqual(count, 0)


@unittest.skipUnless(BUSYBOX.exists(), "there is no static /bin/busybox")
class Shell(AtTheDesk):
    """A shell inside, as somebody uses it."""

    def session(self, use):
        def whole(running):
            self.desk.see(PS1)
            use()
            self.desk.type("exit 5\n")
            self.assertEqual(self.desk.until_end_of(running)[0], 5)

        self.either(["/busybox", "sh"], whole)

    def command(self, text, pattern):
        """Types a command and waits for something of its output, and the next prompt."""
        self.desk.type(text + "\n")
        found = self.desk.see(pattern)
        self.desk.see(PS1)
        return found

    def job(self):
        """Starts one in the foreground that gives back what it gets, and would not end."""
        self.desk.type(JOB + "\n")
        self.desk.see("started")

    def test_it_echoes(self):
        self.session(lambda: self.command("echo $((6*7))", r"\n42\r*\n"))

    def test_an_interrupt_ends_the_job_and_not_the_shell(self):
        def use():
            self.job()
            self.desk.type("\x03")
            self.desk.see(PS1)
            self.command("echo code $?", r"\ncode 130\r*\n")

        self.session(use)

    def test_a_job_is_stopped_and_goes_on(self):
        def use():
            self.job()
            self.desk.type("\x1a")
            self.desk.see("Stopped")
            self.desk.see(PS1)
            self.command("jobs", r"\[1\].*Stopped")
            self.desk.type("fg\n")
            self.desk.see(r"\n/busybox sh")  # fg tells what it brings to the front
            self.desk.type("again\n")
            self.desk.see(r"again\r*\nagain\r*\n")
            self.desk.type("\x03")
            self.desk.see(PS1)
            self.command("echo code $?", r"\ncode 130\r*\n")

        self.session(use)

    def test_a_job_in_the_background(self):
        def use():
            self.command("/busybox sleep 1000 &", "")
            self.command("jobs", r"\[1\].*Running")
            self.command("kill %1; wait; echo go\"\"ne", "gone")

        self.session(use)

    def test_a_new_size_arrives(self):
        def use():
            self.command("/busybox stty size", r"\n31 97\r*\n")
            self.desk.resize(18, 55)
            until(lambda: self.command("/busybox stty size", r"\n(\d+ \d+)\r*\n")[1] == b"18 55",
                  "the new size")
            self.desk.resize(31, 97)

        self.session(use)

    def test_large_input_is_whole(self):
        size = 300_000

        def use(running):
            self.desk.see("ready")
            typing = threading.Thread(target=self.desk.type, args=("x" * size,))
            typing.start()
            self.desk.see(rf"\b{size}\b")
            typing.join()
            self.assertEqual(self.desk.until_end_of(running)[0], 0)

        script = f"/busybox stty raw -echo; echo ready; /busybox head -c {size} | /busybox wc -c"
        self.either(["/busybox", "sh", "-c", script], use)

    def test_lines_come_in_order(self):
        def use(running):
            code, seen = self.desk.until_end_of(running)
            self.assertEqual(code, 0)
            self.assertEqual(seen.split(), [str(n) for n in range(1, 50001)])

        self.either(["/busybox", "seq", "1", "50000"], use)

    def test_it_ends_with_a_signal_that_its_program_obeys(self):
        def use(running):
            self.desk.see("ready")
            os.kill(running.pid, signal.SIGTERM)
            self.assertEqual(self.desk.until_end_of(running)[0], 7)

        script = "trap 'exit 7' TERM; echo ready; while :; do /busybox sleep 1000 & wait; done"
        self.either(["/busybox", "sh", "-c", script], use)


@unittest.skipUnless(BUSYBOX.exists(), "there is no static /bin/busybox")
@unittest.skipUnless(shutil.which("tmux"), "there is no tmux")
class InTmux(Terminals):
    """A terminal that is not ours to make: whatever tmux has is what a user may have."""

    def tmux(self, *args):
        env = {name: value for name, value in os.environ.items() if name != "TMUX"}
        result = run("tmux", "-S", self.area / "tmux", "-f", self.area / "tmux.conf", *args,
                     env={**env, "SHELL": "/bin/sh"})
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def end_tmux(self):
        server = int(self.tmux("display-message", "-p", "#{pid}"))
        self.tmux("kill-server")
        until(lambda: not alive(server), "tmux ends")

    def screen_shows(self, pattern):
        until(lambda: re.search(pattern, self.tmux("capture-pane", "-p", "-t", "t"), re.M),
              f"tmux shows {pattern}")

    def type(self, text):
        self.tmux("send-keys", "-t", "t", text, "Enter")

    def test_a_shell(self):
        self.write({"process.args": ["/busybox", "sh"]})
        (self.area / "tmux.conf").write_text("set -g status off\nset -g default-terminal xterm\n")
        script = self.area / "script"
        script.write_text(f"stty -g >{self.area}/before; '{RUNTIME}' --root '{self.root}' run "
                          f"--bundle '{self.bundle}' c; echo ended $?; stty -g >{self.area}/after; "
                          "cat\n")
        self.tmux("new-session", "-d", "-s", "t", "-x", "90", "-y", "25", f"/bin/sh '{script}'")
        self.addCleanup(self.end_tmux)
        self.screen_shows(PS1.strip())
        self.type("echo $((6*7))")
        self.screen_shows("^42$")
        self.tmux("resize-window", "-t", "t", "-x", "70", "-y", "20")
        until(lambda: (self.type("/busybox stty size"),
                       "20 70" in self.tmux("capture-pane", "-p", "-t", "t"))[1], "the new size")
        self.type(JOB)
        self.screen_shows("^started$")
        self.tmux("send-keys", "-t", "t", "C-c")
        self.screen_shows(rf"^started\n(.*\n)*{PS1.strip()}\s*\Z")
        self.type("exit 6")
        self.screen_shows("^ended 6$")
        before, after = self.area / "before", self.area / "after"
        until(lambda: after.exists() and "\n" in after.read_text(), "the mode is written down")
        self.assertEqual(before.read_text(), after.read_text())
