"""What is to be found from inside a default container, all of it: the list is allowed.py."""

import ctypes
import fcntl
import functools
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import termios
from pathlib import Path

import allowed
from hole import Hole, bind, compiled
from lifecycle import ROOT, alive, until

PR_SET_TIMERSLACK, ADDR_NO_RANDOMIZE = 29, 0x40000  # prctl(2), personality(2)
RANGE = "CTR_RANGE" in os.environ
LIBC = ctypes.CDLL(None, use_errno=True)
SYS_KEYCTL, JOIN_SESSION_KEYRING = 250 if os.uname().machine == "x86_64" else 219, 1  # syscall(2)
A_USER_NAMESPACE = [allowed.OF_A_USER_NAMESPACE, *([] if ROOT or RANGE else [allowed.OF_ONE_ID])]
OF_THE_DEFAULT = [allowed.OF_ROOT] if ROOT else A_USER_NAMESPACE


def left_out(step):
    """A step that does nothing: what another has done already."""
    row = f"    [CTR__STEP_{step.upper()}] = "
    return f"{row}ctr__child_{step},", f"{row}ctr__child_keep_umask,"


# Defences taken out, and what the audit must then find, in the first process and in one that exec
# brings in. Nothing: the next is a second one against the same.
TAKEN_OUT = [
    (left_out("readonly"), "write /proc/sys/.*"),
    (left_out("filter"), "status Seccomp: 0", "socket netlink 15"),
    (left_out("keyring"), "key session the caller's"),
    (left_out("capabilities"), "status CapEff: .*"),
    (left_out("bounding"), "status CapBnd: .*"),
    (left_out("signals"), "status SigIgn: .*"),
    (left_out("setsid"), "self session of another", "terminal /dev/tty"),
    (left_out("rlimit"), "limit 7 .*"),
    (("    [CTR__STEP_CLOSE_OTHERS] = ctr__stage_close_others,",
      "    [CTR__STEP_CLOSE_OTHERS] = ctr__child_undumpable,"),),
    (("return ctr__close_rest(3 + c->launch->extra_count, kept);", "return 0;"), "fd 200 .*"),
    (("if (l->concealed[i].size) memset(l->concealed[i].start, 0, l->concealed[i].size);", ""),),
    (("execve(path, c->launch->argv, c->launch->envp);",
      "execve(path, c->launch->argv, environ);"), "env CTR_TEST_SECRET=.*"),
    (("return 0; /* nothing there, nothing to see */",
      'return 0;\n  if (strstr(ctr__arg(c, s, 0), "keys")) return 0;'),
     "read /proc/keys", r"key [0-9a-f]{8} .*"),
]

# The same of a config: it has one namespace less, shares some with another container, and has
# some mounts more.
SHARED = {"ipc": "ipc", "network": "net", "pid": "pid"}
CONFIGURED = ["ns cgroup the host's", r"process \d+", "interface another0", "unix .* @of-another",
              "ipc .*", "read /dev/mqueue/of-another", r"mount \S+ /given .*",
              r"mount \S+ /given \S+ shared:\d+ .*", "writable /given", "write /given/file",
              "device /null char 1:3", "null /null"]


class Audit(Hole):
    """Something of the host is to be found in a default container that nobody has allowed."""

    filtered = True
    without = [change for change, *_ in TAKEN_OUT]

    def setUp(self):
        super().setUp()
        shutil.copy(compiled((), "tests/security/audit.c"), self.bundle / "rootfs/audit")
        LIBC.syscall(SYS_KEYCTL, JOIN_SESSION_KEYRING, None)  # or it would be the user's
        self.inherited = os.open(self.area, os.O_RDONLY)
        self.addCleanup(os.close, self.inherited)

    # -- a caller with much that nobody inside is to have --

    def become_unusual(self, terminal):
        """In a child, before its program."""
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        os.umask(0o27)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (1000, most))
        os.nice(1)
        LIBC.prctl(PR_SET_TIMERSLACK, 77777, 0, 0, 0)
        LIBC.personality(ADDR_NO_RANDOMIZE)
        Path("/proc/self/coredump_filter").write_text("1")
        os.dup2(self.inherited, 200)
        if ROOT:
            os.setgroups([4242])

    def unusual(self):
        ends = os.openpty()
        for descriptor in ends:
            self.addCleanup(os.close, descriptor)
        return {"env": self.with_secret(), "cwd": self.area, "close_fds": False,
                "preexec_fn": functools.partial(self.become_unusual, ends[1])}

    def of_the_caller(self):
        """What the audit says of somebody like who starts the container."""
        result = subprocess.run([self.bundle / "rootfs/audit", "self"], check=True, text=True,
                                stdout=subprocess.PIPE, **self.unusual())
        return {" ".join(line.split()) for line in result.stdout.splitlines()}

    # -- what it finds --

    def told_apart(self, line, given):
        """A namespace by whether it is the host's, a file by whether it is one that was given."""
        kind, name, *rest = line.split()
        if kind == "ns":
            host = os.readlink(f"/proc/self/ns/{name}") == rest[0]
            return f"ns {name} " + ("the host's" if host else "own")
        if kind == "fd" and (name, rest[0]) in given:
            return f"fd {name} given"
        if kind == "mount" and name.endswith(f"/{self.bundle.name}/rootfs"):
            return " ".join(["mount IMAGE", *rest])
        if kind == "self" and name in ("uid_map", "gid_map") and rest in self.mappings[name[0]]:
            return f"self {name} as the config says"
        return line

    def names(self, line):
        """How a row may name it."""
        kind, name, *_ = line.split()
        yield line
        if line in self.caller:
            yield f"{kind} {name} the caller's"

    def is_allowed(self, line, tables):
        rows = [row for table in tables for row in table.get(line.split()[0], [])]
        return any(re.fullmatch(pattern, name.partition(" ")[2])
                   for name in self.names(line) for pattern, _ in rows)

    def not_allowed(self, text, given, tables):
        self.assertTrue(text.endswith("\nend\n"), text[-300:])
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()][:-1]
        self.assertGreater(len(lines), 1000)
        for kind in allowed.ALLOWED.keys() - {"unix", "ipc"}:
            self.assertTrue([line for line in lines if line.startswith(kind + " ")], kind)
        lines = [self.told_apart(line, given) for line in lines]
        return [name for line in lines if not self.is_allowed(line, tables)
                for name in self.names(line)]

    def given(self, running):
        """The files that a command was given, and as which descriptor."""
        return {(str(number), f"{file.st_dev}:{file.st_ino}") for number, file in
                enumerate((os.fstat(each.fileno()) for each in running.files), 1)}

    def of_the_first(self, running, is_over):
        """What the first process says, which stays for another to come to it."""
        def text():
            size = os.fstat(running.files[0].fileno()).st_size
            said = os.pread(running.files[0].fileno(), size, 0).decode(errors="replace")
            return said.replace("\r\n", "\n")  # by a terminal
        until(lambda: text().endswith("\nend\n") or is_over(), "the audit ends")
        return text()

    def prepare(self, changes):
        self.write({"process.args": ["/audit", "wait"], **changes})
        config = json.loads(self.path.read_text())["linux"]
        self.mappings = {kind: [[str(each[name]) for name in ("containerID", "hostID", "size")]
                                for each in config.get(f"{kind}idMappings", [])] for kind in "ug"}
        self.caller = self.of_the_caller()

    def found(self, changes, tables, *options):
        """What the first process finds, and one that exec brings in."""
        self.prepare(changes)
        tables = [allowed.ALLOWED, *tables, allowed.IN_THE_FOREGROUND]
        running = self.spawn("run", "--bundle", self.bundle, "one", **self.unusual())
        first = self.of_the_first(running, lambda: running.process.poll() is not None)
        if running.process.poll() is not None:
            self.fail(running.wait().stderr)
        first = self.not_allowed(first, self.given(running), tables)
        entering = self.spawn("exec", *options, "one", "/audit", **self.unusual())
        given, result = self.given(entering), entering.wait()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        second = self.not_allowed(result.stdout.replace("\r\n", "\n"), given,
                                  [*tables, allowed.EXECUTED])
        self.works("kill", "one", "KILL")
        self.assertEqual(running.wait().returncode, 128 + signal.SIGKILL)
        return first, second

    def sharing(self):
        """A config that has what a default one has not."""
        rights = {f"process.capabilities.{kind}": ["CAP_NET_ADMIN"]
                  for kind in ("bounding", "permitted", "effective")}
        pid = self.start("two", {"process.args": ["/audit", "make"], **rights})
        kinds = {**SHARED, **({} if ROOT else {"user": "user"})}
        spaces = [{**space, "path": f"/proc/{pid}/ns/{kinds[space['type']]}"}
                  if space["type"] in kinds else space
                  for space in self.default["linux"]["namespaces"] if space["type"] != "cgroup"]
        given = self.area / "given"
        given.mkdir()
        (given / "file").touch()
        mounts = [*self.default["mounts"], bind(given, "/given", "rshared"),
                  bind("/dev/null", "/null")]
        return {"linux.namespaces": spaces, "mounts": mounts,
                **({} if ROOT else {"linux.uidMappings": [], "linux.gidMappings": []})}

    def attack(self):
        changes = self.sharing() if self.changes else {}
        first, second = self.found(changes, OF_THE_DEFAULT)
        if self.changes:
            self.check_each_is_found(first, second)
        return first[:20] + second[:20]

    def check_each_is_found(self, first, second):
        patterns = [pattern for _, *some in TAKEN_OUT for pattern in some] + CONFIGURED
        for who, found in (("the first process", first), ("of exec", second)):
            for pattern in patterns:
                self.assertTrue([line for line in found if re.fullmatch(pattern, line)],
                                f"{who}: {pattern}")
        self.assertEqual({pattern.split()[0] for pattern in patterns}, {*allowed.ALLOWED},
                         "a kind of which nothing was ever found proves nothing")

    def test_of_one_that_is_created_before_it_is_started(self):
        """It has waited with a way to be told, and outlives both commands."""
        self.prepare({})
        creating = self.spawn("create", "--bundle", self.bundle, "one", **self.unusual())
        self.assertEqual(creating.process.wait(), 0)
        pid = self.state("one")["pid"]
        self.works("start", "one", **self.unusual())
        found = self.not_allowed(self.of_the_first(creating, lambda: not alive(pid)),
                                 self.given(creating),
                                 [allowed.ALLOWED, *OF_THE_DEFAULT, allowed.DETACHED])
        self.assertEqual(found[:20], [])

    def test_of_a_container_with_a_terminal(self):
        first, second = self.found({"process.terminal": True},
                                   [*OF_THE_DEFAULT, allowed.OF_A_TERMINAL], "--tty")
        self.assertEqual((first[:20], second[:20]), ([], []))

    def test_of_a_container_with_a_user_namespace(self):
        os.chown(self.bundle / "rootfs", 100000, 100000)
        mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        end = len(self.default["linux"]["namespaces"])
        first, second = self.found({f"linux.namespaces.{end}": {"type": "user"},
                                    "linux.uidMappings": mapping,
                                    "linux.gidMappings": mapping}, A_USER_NAMESPACE)
        self.assertEqual((first[:20], second[:20]), ([], []))
