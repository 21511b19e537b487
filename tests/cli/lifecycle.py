"""What the tests of the lifecycle share: containers in a state root of their own, waiting for what
can be observed, and seeing that nothing is left.

CTR_OCI_BINARY names another runtime, crun or runc, to hold the tests themselves against.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import zlib
from pathlib import Path

from oci import BUILD, GIVEN, ROOT, Bundles

RUNTIME = Path(os.environ.get("CTR_OCI_BINARY") or BUILD / "ctr-oci")
BUSYBOX = Path("/bin/busybox")
DEADLINE = 60  # seconds: far more than anything here takes; only a hang gets there
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def until(condition, what, seconds=DEADLINE):
    """Waits for a condition to hold and returns what it said."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} seconds still not: {what}")
        time.sleep(0.005)


def adopt_orphans():
    """As conmon does: what a runtime leaves behind becomes our child, whose status we can ask."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def children(pid):
    """The children of all threads of a process; [] when it is not there."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    except OSError:
        pass  # it, or a thread of it, has just ended
    return found


def process_state(pid):
    """Its state letter (proc_pid_stat(5)); None when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return None


def thread_states(pid):
    """The state letters of its threads; the first may have ended before the others."""
    found = []
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            found.append(stat.read_text().rpartition(") ")[2][0])
        except OSError:
            pass  # it has just ended
    return found


def alive(pid):
    state = process_state(pid)
    if state == "Z":
        return bool({*thread_states(pid)} - {"Z", "X"})
    return state not in (None, "X")


def executes(pid, file):
    """Whether a process runs this very file, wherever it is mounted; zombies run nothing."""
    try:
        return os.path.samefile(f"/proc/{pid}/exe", file)
    except OSError:
        return False


def descendants(pid):
    """All that came from a process and lives: with orphans adopted, also what was left behind."""
    found = []
    for child in children(pid):
        if alive(child):
            found += [child, *descendants(child)]
    return found


class Running:
    """A command of the runtime, its output in files: what it starts may keep them open for ever."""

    def __init__(self, command, area, **kwargs):
        self.files = [tempfile.TemporaryFile(dir=area, mode="w+b", buffering=0) for _ in range(2)]
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        kwargs.setdefault("stdout", self.files[0])
        kwargs.setdefault("stderr", self.files[1])
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, **kwargs)
        self.pid = self.process.pid

    def wait(self, timeout=DEADLINE):
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.end()
            raise
        texts = [os.pread(f.fileno(), os.fstat(f.fileno()).st_size, 0) for f in self.files]
        self.end()
        return subprocess.CompletedProcess(self.command, code, *(t.decode(errors="replace")
                                                                 for t in texts))

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for file in self.files:
            file.close()


class Containers(Bundles):
    """Containers made from self.bundle, in the state root self.root; self.said is the file that
    they write to. What a test leaves is ended and removed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        adopt_orphans()

    def setUp(self):
        super().setUp()
        self.area = Path(tempfile.mkdtemp(prefix="area."))
        self.addCleanup(shutil.rmtree, self.area, ignore_errors=True)
        self.root = self.area / "root"
        self.said_file = self.area / "said"
        self.said_file.touch()
        self.started = []  # Running
        self.ended = {}  # the statuses of orphans by pid, as subprocess has them
        self.cgroup = f"/ctr-test-{os.getpid()}-{self.bundle.name[7:]}"
        if ROOT:  # without one, a cgroup would be made below the caller's, which is not ours
            self.default["linux"]["cgroupsPath"] = self.cgroup
        elif GIVEN:  # who asked for one would be warned of every hierarchy of v1
            self.cgroup = f"{GIVEN}/ctr-"
        if RUNTIME.name != "ctr-oci":
            self.default["ociVersion"] = "1.0.2"
        self.default["process"]["args"] = ["/probe", "hear"]
        self.addCleanup(self.clear)

    def clear(self):
        for running in self.started:
            running.end()
        for entry in sorted(self.root.iterdir()) if self.root.is_dir() else []:
            self.clear_state(entry.name)
        self.thaw()
        until(self.end_processes, "all processes of the test end")
        for path in self.cgroups():
            path.rmdir()

    def clear_state(self, name):
        deleting = self.spawn("delete", "--force", "--", name)
        try:
            until(lambda: self.reap_orphans() or deleting.process.poll() is not None, "", 10)
        except AssertionError:
            pass  # a runtime that hangs was the test's finding; its processes are ended below
        deleting.end()

    def thaw(self):
        """What the v1 freezer holds does not even die (cgroup-v1 freezer-subsystem)."""
        for path in self.cgroups():
            for name, text in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                if (path / name).exists():
                    (path / name).write_text(text)

    def reap_orphans(self):
        """Reaps what was left to us. The first process of a pid namespace cannot end before those
        of its zombies that have their parent outside were (pid_namespaces(7))."""
        commands = {running.pid for running in self.started}
        for pid in children(os.getpid()):
            if pid not in commands and process_state(pid) == "Z":
                reaped, status = os.waitpid(pid, os.WNOHANG)  # other threads may live
                if reaped:
                    self.ended[pid] = os.waitstatus_to_exitcode(status)

    def reap(self, pid):
        """Waits for an orphan's end; its status."""
        until(lambda: self.reap_orphans() or pid in self.ended, f"{pid} ends")
        return self.ended.pop(pid)

    def end_processes(self):
        left = self.processes()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.reap_orphans()
        return not left

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

    # -- commands --

    def spawn(self, *args, **kwargs):
        """Starts a command of the runtime; .wait() has its CompletedProcess."""
        running = Running([RUNTIME, "--root", self.root, *args], self.area, **kwargs)
        self.started.append(running)
        return running

    def runtime(self, *args, timeout=DEADLINE, **kwargs):
        return self.spawn(*args, **kwargs).wait(timeout)

    def works(self, *args, **kwargs):
        """A command that must succeed; what it wrote to stdout."""
        result = self.runtime(*args, **kwargs)
        self.assertEqual(result.returncode, 0, f"{args}: {result.stderr}")
        return result.stdout

    def fails(self, *args, part="", **kwargs):
        """A command that must fail, with a message that has a part in it; the message."""
        result = self.runtime(*args, **kwargs)
        self.assertEqual((result.returncode, result.stdout), (1, ""), f"{args}: {result.stderr}")
        self.assertRegex(result.stderr, r"\S", args)
        self.assertIn(part, result.stderr)
        return result.stderr

    def create(self, name, changes=None, *options, config=True, **kwargs):
        """Creates a container that writes to self.said_file; the pid of its first process."""
        if config:
            self.write({**self.own_cgroup(name), **(changes or {})})
        with open(self.said_file, "ab") as said:
            kwargs.setdefault("stdout", said)
            self.works("create", "--bundle", self.bundle, *options, name, **kwargs)
        return self.state(name)["pid"]

    def own_cgroup(self, name):
        """Whoever ends a container ends all in its cgroup: each has its own."""
        path = self.default["linux"].get("cgroupsPath")
        return {"linux.cgroupsPath": f"{path}-{zlib.crc32(name.encode())}"} if path else {}

    def start(self, name, changes=None, *options, heard="ready\n", **kwargs):
        """Creates and starts a container and waits for its program's first words."""
        pid = self.create(name, changes, *options, **kwargs)
        before = self.said().count(heard)
        self.works("start", name)
        if heard:
            until(lambda: self.said().count(heard) > before, f"{name} says {heard!r}")
        return pid

    # -- what can be seen --

    def state(self, name):
        return json.loads(self.works("state", name))

    def status(self, name):
        return self.state(name)["status"]

    def await_status(self, name, status):
        until(lambda: self.status(name) == status, f"{name} is {status}")

    def said(self):
        return self.said_file.read_text(errors="replace")

    def listed(self):
        return self.works("list", "-q").split()

    def processes(self):
        """All that the commands of this test left behind, and what their children are."""
        commands = {running.pid for running in self.started}
        return [pid for pid in descendants(os.getpid()) if pid not in commands]

    def cgroups(self):
        """All cgroups of this test's containers, the innermost first."""
        return [Path(top) for top, _, _ in os.walk("/sys/fs/cgroup", topdown=False)
                if self.cgroup in top]

    def entries(self):
        """Every file below the state root."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*"))

    def mounts(self):
        """Every mount of ours that has to do with this test."""
        return [line for line in Path("/proc/self/mountinfo").read_text().splitlines()
                if self.bundle.name in line or self.area.name in line]

    def assert_nothing_left(self, name):
        """Nothing of a container that was deleted is left, nor of one that could not be made."""
        self.assertNotIn(name, self.listed())
        self.assertFalse([path for path in self.entries() if name in path])
        self.assertEqual((self.processes(), self.cgroups(), self.mounts()), ([], [], []))
