"""What the tests with real engines share: an image made here, terminals, and what must be gone
afterwards.

The runtime that the engines are given is $CTR_BUILD/ctr-oci. To compare with another one, name it:
CTR_ENGINE_RUNTIME=/usr/sbin/runc tests/run.py --layer engines
"""

import ctypes
import fcntl
import hashlib
import io
import json
import os
import platform
import pty
import resource
import select
import shutil
import signal
import struct
import subprocess
import tarfile
import tempfile
import termios
import time
import unittest
from pathlib import Path

TOP = Path(os.environ.get("CTR_TOP", Path(__file__).resolve().parents[2]))
BUILD = Path(os.environ.get("CTR_BUILD", TOP / "build"))
RUNTIME = Path(os.environ.get("CTR_ENGINE_RUNTIME", BUILD / "ctr-oci"))
IMAGE = "localhost/box:latest"
WORKER = 1234  # a user and a group of the image
CGROUPS = Path("/sys/fs/cgroup")
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
PATIENCE = 30  # seconds until something that must happen counts as not happening
# Seconds after which no test begins: tests/run.py kills a file after 300, and who is killed cannot
# clean up.
LAST_CALL = time.monotonic() + 200


def run(*command, stdin="", timeout=60, **kwargs):
    command = [str(c) for c in command]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE, errors="replace", **kwargs) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            # Engines are written in Go: SIGQUIT makes them tell where they hang (runtime package).
            process.send_signal(signal.SIGQUIT)
            said = process.communicate(timeout=10)
            raise AssertionError(f"no end of {command} in {timeout} s: {said}")
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def until(look, what):
    """What look() returns as soon as that is something; what says for whom it waits."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not seen in {PATIENCE} s: {what}")
        time.sleep(0.05)
    return found


# Of /proc/self/status, as a shell tells it (proc_pid_status(5)).
FILTER_MODE = ("while read key value; do [ $key != Seccomp: ] || echo $value; done "
               "</proc/self/status")

# EROFS for who wants to make one.
NO_DIRECTORIES = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                  "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO",
                                "errnoRet": 30}]}


# ---- the image -----------------------------------------------------------------------------------

def root_file_system(busybox):
    """A layer: busybox under all its names, and what is asked for by name."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w") as tar:
        def add(name, data=b"", mode=0o644, kind=tarfile.REGTYPE, link=""):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.type, entry.linkname = len(data), mode, kind, link
            tar.addfile(entry, io.BytesIO(data))

        for name in ("bin", "etc", "root", "work"):
            add(name, mode=0o755, kind=tarfile.DIRTYPE)
        add("tmp", mode=0o1777, kind=tarfile.DIRTYPE)
        add("bin/busybox", Path(busybox).read_bytes(), 0o755)
        for name in run(busybox, "--list").stdout.split():
            if name != "busybox":
                add(f"bin/{name}", kind=tarfile.SYMTYPE, link="busybox")
        add("etc/passwd", f"root:x:0:0::/root:/bin/sh\nworker:x:{WORKER}:{WORKER}::/work:/bin/sh\n"
            .encode())
        add("etc/group", f"root:x:0:\nworker:x:{WORKER}:\n".encode())
        add("etc/data", b"this is not a program\n")
    return memory.getvalue()


def image_archive(path, busybox):
    """An OCI image layout as a tar, as every engine reads it (image-spec, image-layout.md)."""
    blobs = {}

    def blob(data, kind):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}",
                "size": len(data)}

    layer = blob(root_file_system(busybox), "layer.v1.tar")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    config = {"architecture": machine, "os": "linux",
              "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
              "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
    manifest = blob({"schemaVersion": 2, "config": blob(config, "config.v1+json"),
                     "layers": [layer]}, "manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": IMAGE,
                               "io.containerd.image.name": IMAGE}
    blobs["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    blobs["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
    with tarfile.open(path, mode="w") as tar:
        for name, data in blobs.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


# ---- terminals -----------------------------------------------------------------------------------

class Terminal:
    """A program in a terminal of its own, and somebody who types."""

    def __init__(self, *command, rows=24, columns=80, **kwargs):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        # start_new_session comes before preexec_fn, so that the terminal can become ours (tty(4)).
        self.process = subprocess.Popen(
            [str(c) for c in command], stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),
            **kwargs)
        os.close(slave)
        self.text = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, deadline):
        """Reads on; False at the end: EIO, as nobody has the other end open (pty(7))."""
        if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
            raise AssertionError(f"nothing more in {PATIENCE} s after: {self.text!r}")
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def expect(self, text):
        """Reads until there is text, and forgets what came before it."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.text:
            if not self.read(deadline):
                raise AssertionError(f"ended without {text!r}: {self.text!r}")
        self.text = self.text.split(text, 1)[1]

    def end(self):
        """The exit code, once the program has ended by itself."""
        deadline = time.monotonic() + PATIENCE
        while self.read(deadline):
            pass
        return self.process.wait(PATIENCE)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


# ---- what an engine and a runtime may leave ------------------------------------------------------

def adopt_orphans():
    """What engines start and leave to itself becomes our child, not that of the machine's init:
    so that all of it is known, and known to be ours."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl PR_SET_CHILD_SUBREAPER")


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def parent_of(pid):
    """None when it has ended, also when its parent has not noticed yet (proc_pid_stat(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    state, parent = stat.rpartition(")")[2].split()[:2]
    return int(parent) if state not in "ZX" else None


def descendants(besides=()):
    """Command lines of all living processes below this one, by pid."""
    children = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        children.setdefault(parent_of(pid), []).append(int(pid))
    found, todo = {}, [os.getpid()]
    while todo:
        for pid in children.get(todo.pop(), []):
            todo.append(pid)
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
            except OSError:
                continue
            if pid not in besides:
                found[pid] = line.decode(errors="replace")
    return found


def kill_descendants(besides=()):
    def none_left():
        for pid in (left := descendants(besides)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        reap()
        return not left

    until(none_left, "the end of what was killed")


def namespace(pid, kind):
    return os.readlink(f"/proc/{pid}/ns/{kind}")


def frozen(pid):
    """Whether the cgroup of a process stands still, by what the kernel says (cgroups(7))."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for hierarchy in ([CGROUPS, CGROUPS / "unified"] if not controllers else
                          [CGROUPS / controllers]):
            for name, sign in (("freezer.state", "FROZEN"), ("cgroup.events", "frozen 1")):
                file = hierarchy / path.lstrip("/") / name
                if file.exists() and sign in file.read_text():
                    return True
    return False


def limits():
    """The limits an engine can be told to give: no more than it has itself, for raising a hard one
    takes CAP_SYS_RESOURCE (getrlimit(2)). podman lowers its own RLIMIT_NPROC to 32768 first."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    return files, 32768 if processes == resource.RLIM_INFINITY else min(processes, 32768)


class EngineTest(unittest.TestCase):
    """An engine with everything that is its own below a scratch directory. After each test nothing
    may be left: no process, mount, cgroup or state of a container."""

    needs = ()
    state_root = None  # where the runtime keeps states for this engine
    group = f"ctr-engines-{os.getpid()}"  # all cgroups are below this name
    groups_of_engine = ()  # what an engine keeps below it for itself

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only as root: the engine is run as root")
        for program in (*cls.needs, "busybox"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"{program} is not installed")
        cls.busybox = shutil.which("busybox")
        if run("ldd", cls.busybox).returncode == 0:
            raise unittest.SkipTest("busybox is not static (package busybox-static)")
        if not os.access(RUNTIME, os.X_OK):
            raise AssertionError(f"{RUNTIME}: not built")
        adopt_orphans()
        # Not in TMPDIR: podman's process that cleans up after an end refuses a runroot of more than
        # 50 characters.
        cls.scratch = Path(tempfile.mkdtemp(prefix="ctr-engine.", dir="/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.scratch, ignore_errors=True)
        cls.addClassCleanup(cls.remove_groups)

    @classmethod
    def remove_groups(cls):
        for path in sorted(cls.groups(), reverse=True):
            (CGROUPS / path).rmdir()

    @classmethod
    def groups(cls):
        """All our cgroups, those of engines too; as "freezer/NAME/..." or as "NAME/..."."""
        tops = [*CGROUPS.glob(cls.group), *CGROUPS.glob(f"*/{cls.group}")]
        return {str(Path(path).relative_to(CGROUPS)) for top in tops for path, _, _ in os.walk(top)}

    def engine_processes(self):
        """Pids that are to stay."""
        return ()

    def states(self):
        return set(os.listdir(self.state_root)) if self.state_root.is_dir() else set()

    def setUp(self):
        self.assertLess(time.monotonic(), LAST_CALL, "no time left to begin this test")
        self.states_before = self.states()
        self.addCleanup(self.assert_nothing_left)

    def left(self):
        reap()
        own = [self.group, *(f"{self.group}/{name}" for name in self.groups_of_engine)]
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        found = {
            "processes": descendants(besides=self.engine_processes()),
            "mounts": [line for line in mounts if str(self.scratch) in line],
            "cgroups": [path for path in sorted(self.groups())
                        if not any(path == name or path.endswith(f"/{name}") for name in own)],
            "states": sorted(self.states() - self.states_before)}
        return {kind: what for kind, what in found.items() if what}

    def assert_nothing_left(self):
        try:
            until(lambda: not self.left(), "an end of everything that belongs to a container")
        except AssertionError:
            left = self.left()
            self.remove(left)
            self.fail(f"left behind: {json.dumps(left, indent=1)}")

    def remove(self, left):
        """So that the next test finds what this one found."""
        for path in self.groups():
            if path.startswith("freezer/"):  # nobody dies in a frozen cgroup of version 1
                (CGROUPS / path / "freezer.state").write_text("THAWED")
        kill_descendants(besides=self.engine_processes())
        for line in reversed(left.get("mounts", [])):
            run("umount", "-l", line.split()[4])
        for name in left.get("states", []):
            run(RUNTIME, "--root", self.state_root, "delete", "--force", name)
            shutil.rmtree(self.state_root / name, ignore_errors=True)
        for path in sorted(left.get("cgroups", []), reverse=True):
            if (CGROUPS / path).is_dir():
                (CGROUPS / path).rmdir()

    def terminal(self, *command, **kwargs):
        terminal = Terminal(*command, **kwargs)
        self.addCleanup(terminal.close)
        return terminal

    def assert_run(self, result, stdout="", code=0):
        self.assertEqual((result.returncode, result.stdout), (code, stdout), result.stderr)

    def talk(self, terminal):
        """With a shell in a terminal of 33 lines and 99 columns: it is typed at, interrupted,
        resized and left with exit code 7. Returns the program's."""
        # What is typed comes back as echo: only what the shell makes of it is looked for.
        terminal.type("until [ \"$(stty size)\" = '33 99' ]; do :; done; echo si''zed\n")
        terminal.expect("sized")
        terminal.type("[ -t 0 -a -t 1 -a -t 2 -a -c $(tty) ] && echo a'' terminal\n")
        terminal.expect("a terminal")
        terminal.type("read line; echo he''ard $line\n")
        terminal.type("every word\n")
        terminal.expect("heard every word")
        terminal.type("sh -c 'trap \"exit 5\" INT; echo beg\"\"in; while :; do :; done'\n")
        terminal.expect("begin")
        terminal.type("\x03")  # the terminal makes SIGINT of it (termios(3), ISIG)
        terminal.type("echo co''de $?\n")
        terminal.expect("code 5")
        terminal.resize(44, 111)
        terminal.type("until [ \"$(stty size)\" = '44 111' ]; do :; done; echo resi''zed\n")
        terminal.expect("resized")
        terminal.type("exit 7\n")
        return terminal.end()
