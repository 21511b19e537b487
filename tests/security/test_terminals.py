"""What root of a running container can do to who enters it with a terminal (exec --tty): /dev is
root's, with all that a terminal is known by. Nothing there is opened but the multiplexer of a
devpts, and nobody is made to wait. The same with somebody who swaps it meanwhile: test_races.py.
"""

import fcntl
import os
import signal
import socket
import stat

from hole import ROOT, Hole, Watch, bind
from lifecycle import DEADLINE, until

# The multiplexer is opened by its usual name.
BY_NAME = ("ctr__openat2(pts, \"ptmx\", O_RDWR | O_NOCTTY, 0,\n" + " " * 34 +
           "CTR__RESOLVE_NO_XDEV | CTR__RESOLVE_NO_SYMLINKS);",
           "ctr__openat2(root, \"dev/ptmx\", O_RDWR | O_NOCTTY, 0, CTR__IN_ROOT);")
# A device is opened without a look at what it is.
UNSEEN = ("for (int i = 0; i < 2; i++) {\n    ctr__close(&fd);",
          "for (int i = 1; i < 2; i++) {\n    ctr__close(&fd);")
LOOKS = 20  # at one that waits


class Entered(Hole):
    """self.dev is /dev of the container "one", self.target a file of it."""

    closed = False  # whether its devpts lets nobody open the multiplexer
    devpts_at = "/dev/pts"

    def setUp(self):
        super().setUp()
        self.area.chmod(0o755)
        self.dev = self.area / "dev"
        (self.dev / "pts").mkdir(parents=True)
        (self.dev / "ptmx").symlink_to("pts/ptmx")
        self.target = self.bundle / "rootfs/target"
        self.target.write_text("")

    def run_one(self, *mounts):
        devpts = {"destination": self.devpts_at, "type": "devpts", "source": "devpts",
                  "options": ["newinstance", "ptmxmode=0666", *(["nodev"] if self.closed else [])]}
        config = self.config([bind(self.dev, "/dev"), devpts, *mounts], drop=["/dev"])
        self.start("one", {"mounts": config["mounts"]})

    def enter(self, *args):
        return self.runtime("exec", "--tty", "one", *(args or ["/probe", "terminal"]))

    def make(self, kind, path):
        """Something else than a multiplexer; what is opened when it is."""
        path.unlink(missing_ok=True)
        if kind == "link":
            path.symlink_to("/target")
        elif kind == "link by procfs":
            path.symlink_to("/proc/1/root/target")
        elif kind == "file":
            path.write_text("")
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "device":
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(str(path))
        return self.target if kind.startswith("link") or kind == "nothing" else path

    def opens(self, kind, path):
        """Whether who enters opens what is at a path of self.dev."""
        with Watch(self.make(kind, path)) as watch:
            result = self.enter()
            opened = watch.opened()
        if not self.changes:
            self.check(result)
        return opened

    KINDS = ["link", "link by procfs", "file", "fifo", "socket", "nothing",
             *(["device"] if ROOT else [])]

    def all_kinds(self, path):
        return [kind for kind in self.KINDS if self.opens(kind, path)]

    def check(self, result):
        """What is to become of who enters."""
        self.assert_refused(result)

    def assert_refused(self, result):
        self.assertEqual((result.returncode, result.stdout), (255, ""), result.stderr)
        self.assertIn("process.terminal", result.stderr)

    def assert_a_terminal(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"^tty0 /\S+/\d+\r\n")
        self.assertIn("foreground yes", result.stdout)


class Ptmx_of_the_container(Entered):
    """/dev/ptmx is something else, or leads there: it is opened."""

    without = [BY_NAME]

    def attack(self):
        self.run_one()
        return self.all_kinds(self.dev / "ptmx")

    def check(self, result):
        self.assert_a_terminal(result)


class Ptmx_beside_a_closed_devpts(Entered):
    """The same where it is the only one that could be opened."""

    closed = True
    without = [UNSEEN]

    def attack(self):
        self.run_one()
        return self.all_kinds(self.dev / "ptmx")


class Ptmx_of_a_false_devpts(Entered):
    """/dev/pts is hidden by another directory, in which there is a ptmx."""

    without = [("return fs.f_type == CTR__DEVPTS_SUPER_MAGIC ? 0 : ctr__because(c, "
                "CTR__WHY_NO_DEVPTS, -ENODEV);", "return 0;")]

    def attack(self):
        false = self.area / "false"
        false.mkdir()
        self.run_one(bind(false, "/dev/pts"))
        return self.all_kinds(false / "ptmx")


class Ptmx_covered(Entered):
    """Something is mounted over the multiplexer in its devpts."""

    without = [("0,\n" + " " * 34 + "CTR__RESOLVE_NO_XDEV | CTR__RESOLVE_NO_SYMLINKS);",
                "0, CTR__RESOLVE_NO_SYMLINKS);")]

    def attack(self):
        self.run_one(bind(self.target, "/dev/pts/ptmx"))
        with Watch(self.target) as watch:
            result = self.enter()
            opened = watch.opened()
        self.assert_refused(result)
        return opened


class Ptmx_that_nobody_waits_for(Entered):
    """/dev/ptmx becomes a file that has a lease, for which who opens it waits (fcntl(2)), after it
    was looked at."""

    closed = True
    already = [UNSEEN]
    without = [("O_RDWR | O_NOCTTY | O_NONBLOCK}", "O_RDWR | O_NOCTTY}")]

    def attack(self):
        self.run_one()
        ptmx = self.make("file", self.dev / "ptmx")
        with open(ptmx, "r+") as file:
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)  # which nobody minds
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            running = self.spawn("exec", "--tty", "one", "/probe", "exit", "0")
            until(lambda: fcntl.fcntl(file, fcntl.F_GETLEASE) != fcntl.F_WRLCK, "it is opened")
            # Meanwhile others come and go.
            looks = 0
            while looks < LOOKS and running.process.poll() is None:
                self.works("exec", "one", "/probe", "exit", "0")
                looks += 1
        self.assert_refused(running.wait())
        return looks == LOOKS and "it waits"


class CVE_2025_52565_exec(Entered):
    """/dev/pts/0 is a link: what the terminal is thought to be is a file of the attacker's choice.
    Its devpts is elsewhere: what is in one is not to be changed."""

    devpts_at = "/dev/real"
    already = [("ctr__openat2(root, \"dev/pts\",", "ctr__openat2(root, \"dev/real\",")]
    without = [("CTR__AUTO_CLOSE slave = ctr__fd_high(\n"
                "      (int)ctr__ret(ioctl(master, TIOCGPTPEER, (unsigned long)(O_RDWR | O_NOCTTY | "
                "O_CLOEXEC))));",
                "CTR__AUTO_CLOSE slave = ctr__openat2(c->root >= 0 ? c->root : AT_FDCWD, "
                "\"/dev/pts/0\", O_RDWR, 0, CTR__IN_ROOT);"),
               ("int r = ctr__check_devpts(c, slave);", "int r = 0;"),
               ("return r < 0 ? r : (int)ctr__ret(ioctl(0, TIOCSCTTY, 0));", "return r;")]

    def attack(self):
        (self.dev / "real").mkdir()
        self.run_one()
        (self.dev / "pts/0").symlink_to("/target")
        result = self.enter()
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.target.read_text()


class Terminals(Entered):
    """What is there whatever its root does."""

    def test_the_console_of_the_container_is_not_that_of_who_enters(self):
        self.run_one()
        for kind in self.KINDS:
            with self.subTest(kind):
                console = self.dev / "console"
                with Watch(self.make(kind, console)) as watch:
                    self.assert_a_terminal(self.enter())
                    self.assertFalse(watch.opened())

    def test_a_multiplexer_beside_a_closed_devpts_is_taken(self):
        """As that of a host is, whose devpts only root may open."""
        self.closed = ROOT
        if not ROOT:
            (self.dev / "pts").rmdir()
            (self.dev / "pts").symlink_to("/host/pts")
            self.devpts_at = "/dev/own"
        self.run_one(*([] if ROOT else [bind("/dev", "/host")]))
        (self.dev / "ptmx").unlink()
        if ROOT:
            os.mknod(self.dev / "ptmx", stat.S_IFCHR | 0o666, os.makedev(5, 2))
        else:
            (self.dev / "ptmx").symlink_to("/host/ptmx")
        self.assert_a_terminal(self.enter())
        self.assertFalse(fcntl.fcntl(self.handed_over(), fcntl.F_GETFL) & os.O_NONBLOCK)

    def handed_over(self):
        """The other end of a terminal."""
        path = self.area / "console"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.settimeout(DEADLINE)
            listener.bind(str(path))
            listener.listen()
            self.works("exec", "--detach", "--tty", "--console-socket", path, "one", "/probe",
                       "hear")
            with listener.accept()[0] as connection:
                connection.settimeout(DEADLINE)
                master, = socket.recv_fds(connection, 4096, 1)[1]
        self.addCleanup(os.close, master)
        return master
