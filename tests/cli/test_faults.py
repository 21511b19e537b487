"""System calls of a runtime and of what it has cloned, each failing once: the command succeeds or
says what was wrong, nothing is left, and the next one works. Some calls a container is not made
without: those lead to an error.

tests/container/faulter.c lets one call fail, by number; what it fails with is a table here, the most
plausible first (the ERRORS sections of section 2 of the manual). For each command TRIES calls are
chosen, the same ones every time: of each process each name's first and last, then an even choice.
Each fails with one errno. CTR_FAULTS=all: every call with every errno, but those of CANNOT."""

import errno
import os
import shutil
import sys
import unittest

import lifecycle
from lifecycle import Containers, Running, until
from oci import BUILD, TOP
from test_killed import spread

sys.path.insert(0, str(TOP / "tests/security"))
from hole import CC, weakened  # noqa: E402

ALL = os.environ.get("CTR_FAULTS") == "all"
TRIES = 150
SOON = 20
ENOUGH = 6

# What cannot fail, or what no caller could answer: libc's own, and calls whose failure means nothing.
# close(2) lets go of the descriptor also when it fails, which this cannot play.
CANNOT = set("close exit exit_group getpid getppid gettid getuid geteuid getgid getegid umask munmap "
             "rt_sigreturn rt_sigprocmask rt_sigaction sigaltstack futex sched_yield restart_syscall "
             "set_tid_address set_robust_list arch_prctl rseq brk clock_gettime execve "
             "mprotect readlink uname getrandom".split())
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
# What the container's side does not go on without.
VITAL = set("mount move_mount fsopen fsconfig fsmount pivot_root sethostname capset setresuid "
            "setresgid symlinkat mknodat umount2 seccomp".split())
# A directory that could not be locked may be another's.
NOT_LOCKED = "lock container"


def errnos(name):
    return ERRNOS.get(name, DEFAULT)


def choose(calls):
    """[(process, name, the number among those of that name, errno)] of [(process, name)]."""
    seen, last, all_ = {}, {}, []
    begun = False  # what comes before is libc's start
    for at, (process, name) in enumerate(calls):
        seen[process, name] = seen.get((process, name), 0) + 1
        begun |= name in ("openat", "open")
        if begun and name not in CANNOT:
            all_.append((process, at, name, seen[process, name]))
    if ALL:
        return [(p, name, n, e) for p, _, name, n in all_ for e in errnos(name)]
    first = {}
    for row in all_:
        first.setdefault((row[0], row[2]), row)
        last[row[0], row[2]] = row
    telling = sorted({*first.values(), *last.values()})
    chosen = {*spread(telling, TRIES * 3 // 4)}
    rest = [row for row in all_ if row not in chosen]
    chosen |= {*spread(rest, max(2, TRIES - len(chosen)))}
    return [(p, name, n, errnos(name)[n % len(errnos(name)) if n % 3 == 0 else 0])
            for p, _, name, n in sorted(chosen)]


def vital(calls):
    """{(process, name, number)} of those that are VITAL. Once the root is entered, the mount that the
    caller's program was hidden behind goes back to its place, if it can."""
    found, seen, entered = set(), {}, False
    for process, name in calls:
        seen[process, name] = seen.get((process, name), 0) + 1
        if process and name in VITAL and not (entered and name == "move_mount"):
            found.add((process, name, seen[process, name]))
        entered |= name == "pivot_root"
    return found


class Walked(Containers):
    soon = SOON

    def setUp(self):
        super().setUp()
        self.report = self.area / "report"
        self.default["process"]["args"] = ["/probe", "exit", "0"]

    def step(self, process, name, number, error, *args):
        """What became of a command: its fate, the calls, what it complained of; None: it hangs."""
        running = Running([BUILD / "container/faulter", self.report, process, name, number, error,
                           lifecycle.RUNTIME, "--root", self.root, *args], self.area)
        self.started.append(running)
        result = running.wait()
        if result.returncode == 3:
            self.skipTest("the registers of this machine are not known")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = self.report.read_text().splitlines()
        calls = [(int(p), name) for p, _, name in (line.partition(" ") for line in lines)
                 if p.isdigit()]
        return lines[-1], calls, result.stderr, "failed" in lines

    def walk(self, *args, changes=None, before=None, after=None, failed_after=None, only=None):
        after = after or self.removed

        def prepare():
            self.write(changes)
            if before:
                before()

        prepare()
        fate, calls, said, _ = self.step(0, "", 0, 0, *args)
        self.assertEqual(fate, "exit 0", said)
        after()
        failed = tried = bad = 0
        needed = vital(calls)
        for process, name, number, error in only(calls) if only else choose(calls):
            if bad == ENOUGH:
                self.fail(f"{ENOUGH} of {tried} failed: no more are tried")
            tried += 1
            bad += 1
            with self.subTest(process=process, name=name, number=number,
                              error=errno.errorcode[error]):
                prepare()
                fate, _, said, reached = self.step(process, name, number, error, *args)
                failed += reached and fate != "exit 0"
                self.assertRegex(fate, r"^exit \d+$")
                if fate != "exit 0":
                    self.assertRegex(said, r"ctr-oci: .*\S", fate)
                    if failed_after and NOT_LOCKED not in said:
                        failed_after()
                elif reached:
                    self.assertNotIn((process, name, number), needed, "it goes on without")
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
            until(self.gone, "all that the runtime cloned ends", self.soon)
        finally:
            self.end_processes()
        self.assert_nothing_left("c")
        self.assertEqual(self.entries(), [])

    def nothing(self):
        """What could not be made is taken away by who tried."""
        until(self.gone, "all that the runtime cloned ends", self.soon)
        self.assertEqual((self.entries(), self.cgroups(), self.mounts()), ([], [], []))


class Faults(Walked):
    def test_run(self):
        self.walk("run", "--bundle", self.bundle, "c")

    def test_create(self):
        self.walk("create", "--bundle", self.bundle, "c", failed_after=self.nothing)

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


# -- whether it would be noticed --

# What takes back a create that failed is not called; a step that fails is passed over.
CARELESS = [("    ctr__destroy(c, c->stored && c->stored->pid, NULL);\n  if (c->locked) ctr__unlock(c);",
             "    ;\n  if (c->locked) ctr__unlock(c);"),
            ("[CTR__STEP_HOSTNAME] = ctr__child_hostname,", "[CTR__STEP_HOSTNAME] = careless_hostname,"),
            ("static ctr__step_fn *const ctr__child_steps[CTR__STEP_COUNT] = {",
             "static int careless_hostname(ctr__child *c, const ctr__step *s) {\n"
             "  ctr__child_hostname(c, s);\n  return 0;\n}\n\n"
             "static ctr__step_fn *const ctr__child_steps[CTR__STEP_COUNT] = {")]


class OneFault(Walked):
    """A create during which the last call of a name fails."""

    soon = 1  # it is to be seen that it does not end

    def __init__(self, name):
        super().__init__("one_fault")
        self.name = name

    def one_fault(self):
        def only(calls):
            process = max(process for process, name in calls if name == self.name)
            return [(process, self.name, calls.count((process, self.name)), errnos(self.name)[0])]
        self.walk("create", "--bundle", self.bundle, "c", failed_after=self.nothing, only=only)


class Noticed(unittest.TestCase):
    def failures(self, name):
        result = unittest.TestResult()
        OneFault(name).run(result)
        if result.skipped:
            self.skipTest(result.skipped[0][1])
        return "".join(text for _, text in result.failures + result.errors)

    def test_a_careless_runtime_is_noticed(self):
        if not shutil.which(CC):
            self.skipTest("there is no compiler to make a careless runtime with")
        faults = [("pivot_root", r"Tuples differ: \(\['c'"),
                  ("sethostname", "it goes on without"),
                  ("renameat", "all that the runtime cloned ends|c/creating")]
        for name, _ in faults:
            self.assertEqual(self.failures(name), "")
        self.addCleanup(setattr, lifecycle, "RUNTIME", lifecycle.RUNTIME)
        lifecycle.RUNTIME = weakened(*CARELESS)
        for name, said in faults:
            self.assertRegex(self.failures(name), said, name)
