"""Every system call of a runtime and of what it has cloned, failing once: the command succeeds or
says what was wrong, nothing is left, and the next one works.

tests/container/faulter.c lets one call fail, by number; what it fails with is a table here, the most
plausible first (the ERRORS sections of section 2 of the manual). For each command TRIES calls are
chosen, the same ones every time: of each process each name's first and last, then an even choice.
CTR_FAULTS=all: every call with every errno."""

import errno
import os

from lifecycle import RUNTIME, Containers, Running, until
from oci import BUILD, ROOT
from test_killed import spread

ALL = os.environ.get("CTR_FAULTS") == "all"
TRIES = 150
SOON = 20
ENOUGH = 6

# What cannot fail, or what no caller could answer: libc's own, and calls whose failure means nothing.
# close(2) lets go of the descriptor also when it fails, which this cannot play.
CANNOT = set("close exit exit_group getpid getppid gettid getuid geteuid getgid getegid umask munmap "
             "rt_sigreturn rt_sigprocmask rt_sigaction sigaltstack futex sched_yield restart_syscall "
             "set_tid_address set_robust_list arch_prctl rseq brk clock_gettime execve "
             "mprotect readlink uname prlimit64 getrandom".split())
PLAUSIBLE = {
    ("openat", "openat2", "memfd_create", "socket", "socketpair", "pipe2", "accept4", "epoll_create1",
     "eventfd2", "signalfd4", "timerfd_create", "pidfd_open", "fsopen", "fsmount", "open_tree"):
        (errno.EMFILE, errno.ENFILE, errno.ENOMEM),
    ("clone", "clone3", "fork", "vfork"): (errno.EAGAIN, errno.ENOMEM),
    ("mmap", "mremap"): (errno.ENOMEM,),
    ("read", "pread64", "getdents64", "readv"): (errno.EIO, errno.EINTR),
    ("write", "pwrite64", "writev", "ftruncate"): (errno.ENOSPC, errno.EIO, errno.EINTR),
    ("mkdir", "mkdirat", "mknodat", "symlinkat", "linkat", "renameat", "renameat2", "rename"):
        (errno.ENOSPC, errno.EROFS, errno.EDQUOT),
    ("unlinkat", "rmdir", "unlink", "umount2"): (errno.EBUSY, errno.EROFS),
    ("mount", "move_mount", "mount_setattr", "fsconfig", "pivot_root", "setns", "unshare", "chroot"):
        (errno.EPERM, errno.ENOMEM, errno.EINVAL),
    ("sendmsg", "sendto", "recvmsg", "recvfrom"): (errno.ENOBUFS, errno.EINTR),
    ("fstat", "newfstatat", "fstatfs", "statfs", "stat", "statx", "lseek"): (errno.EIO, errno.ENOMEM),
    ("poll", "ppoll", "waitid", "flock"): (errno.EINTR, errno.ENOMEM),
    ("fcntl", "dup", "dup2", "dup3"): (errno.EMFILE, errno.EINTR),
    ("connect", "bind", "listen"): (errno.EACCES, errno.ENOMEM),
}
ERRNOS = {name: errors for names, errors in PLAUSIBLE.items() for name in names}
DEFAULT = (errno.EPERM, errno.ENOMEM)


def errnos(name):
    return ERRNOS.get(name, DEFAULT)


def choose(calls):
    """[(process, number, errno)] of [(process, name)], in order."""
    seen, last, all_ = {}, {}, []
    begun = False  # what comes before is libc's start
    for process, name in calls:
        seen[process] = seen.get(process, 0) + 1
        begun |= name in ("openat", "open")
        if begun and name not in CANNOT:
            all_.append((process, seen[process], name))
    if ALL:
        return [(p, n, name, e) for p, n, name in all_ for e in errnos(name)]
    first = {}
    for row in all_:
        first.setdefault((row[0], row[2]), row)
        last[row[0], row[2]] = row
    telling = sorted({*first.values(), *last.values()})
    chosen = {*spread(telling, TRIES * 3 // 4)}
    rest = [row for row in all_ if row not in chosen]
    chosen |= {*spread(rest, max(2, TRIES - len(chosen)))}
    return [(p, n, name, errnos(name)[n % len(errnos(name)) if n % 3 == 0 else 0])
            for p, n, name in sorted(chosen)]


class Faults(Containers):
    def setUp(self):
        super().setUp()
        self.report = self.area / "report"
        self.default["process"]["args"] = ["/probe", "exit", "0"]
        if not ROOT:  # newuidmap(1) has no rights while it is traced: one id, as without it
            for kind in ("uidMappings", "gidMappings"):
                del self.default["linux"][kind][1:]
            for mount in self.default["mounts"]:
                mount["options"] = [o for o in mount.get("options", []) if o != "gid=5"]

    def step(self, process, number, error, *args):
        """What became of a command: its fate, the calls, what it complained of; None: it hangs."""
        running = Running([BUILD / "container/faulter", self.report, process, number, error, RUNTIME,
                           "--root", self.root, *args], self.area)
        self.started.append(running)
        result = running.wait()
        if result.returncode == 3:
            self.skipTest("the registers of this machine are not known")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = self.report.read_text().splitlines()
        calls = [(int(p), name) for p, _, name in (line.partition(" ") for line in lines)
                 if p.isdigit()]
        return lines[-1], calls, result.stderr, "failed" in lines

    def walk(self, *args, changes=None, before=None, after=None):
        after = after or self.removed

        def prepare():
            self.write(changes)
            if before:
                before()

        prepare()
        fate, calls, said, _ = self.step(0, 0, 0, *args)
        self.assertEqual(fate, "exit 0", said)
        after()
        failed = tried = bad = 0
        for process, number, name, error in choose(calls):
            if bad == ENOUGH:
                self.fail(f"{ENOUGH} of {tried} failed: no more are tried")
            tried += 1
            bad += 1
            with self.subTest(process=process, call=number, name=name,
                              error=errno.errorcode[error]):
                prepare()
                fate, _, said, reached = self.step(process, number, error, *args)
                failed += reached and fate != "exit 0"
                self.assertRegex(fate, r"^exit \d+$")
                if fate != "exit 0":
                    self.assertRegex(said, r"ctr-oci: .*\S", fate)
                after()
                bad -= 1
        print(f"# {args[0]}: {len(calls)} calls, {tried} of them tried, {failed} led to an error")
        self.assertGreater(failed, tried // 4)

    def gone(self):
        self.reap_orphans()
        return not self.processes()

    def removed(self):
        """Whatever is there can be deleted, and nothing is left."""
        result = self.runtime("delete", "--force", "c")
        self.assertEqual(result.returncode, 0, result.stderr)
        try:
            until(self.gone, "all that the runtime cloned ends", SOON)
        finally:
            self.end_processes()
        self.assert_nothing_left("c")
        self.assertEqual(self.entries(), [])

    def test_run(self):
        self.walk("run", "--bundle", self.bundle, "c")

    def test_create(self):
        self.walk("create", "--bundle", self.bundle, "c")

    def test_start(self):
        self.walk("start", "c", before=lambda: self.works("create", "--bundle", self.bundle, "c"))

    def test_delete(self):
        def before():
            self.works("create", "--bundle", self.bundle, "c")
        self.walk("delete", "--force", "c", before=before)

    def test_exec_leaves_the_container_alone(self):
        first = self.start("c", {"process.args": ["/probe", "hear"]})

        def after():
            until(lambda: self.reap_orphans() or self.processes() == [first], "only it is left", SOON)
            again = self.runtime("exec", "c", "/probe", "exit", "7")
            self.assertEqual((again.returncode, again.stderr), (7, ""))

        self.walk("exec", "c", "/probe", "exit", "0", after=after)
        self.assertEqual(self.status("c"), "running")
        self.removed()
