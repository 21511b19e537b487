"""examples/sandbox.c: what each option does, and what becomes of wrong ones."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from oci import ROOT
from sandboxes import (BWRAP, ENV, KILL, PYTHON, SANDBOX, Sandboxes, filter_program, high,
                       system)

# For what is not about files.
HOST = ["--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc"]
KINDS = ("user", "ipc", "pid", "net", "uts", "cgroup")
READ_ONLY = "Read-only file system"


def wait_until(true, what):
    """For what another process does in its own time."""
    end = time.monotonic() + 60
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"not within a minute: {what}")
        time.sleep(0.01)


def namespaces(pid="self"):
    return {kind: os.readlink(f"/proc/{pid}/ns/{kind}") for kind in KINDS}


class Wrong(Sandboxes):
    """One line on stderr that starts with "sandbox:", exit code 1, and nothing runs."""

    def refused(self, *words, saying, **kwargs):
        result = self.sandbox(*words, **kwargs)
        self.assertEqual((result.returncode, result.stdout), (1, ""), words)
        self.assertRegex(result.stderr, r"^sandbox: [^\n]*\n$", words)
        self.assertIn(saying, result.stderr, words)

    def test_command_lines(self):
        echo = ["--", "echo", "ran"]
        for words, saying in (
                ([], "no program"), (HOST, "no program"),
                (["--nonsense", *echo], "--nonsense: no such option"),
                (["--bind", "/"], "--bind takes 2 arguments: SRC DEST"),
                (["--chdir"], "--chdir takes 1 argument: DIR"),
                (["--perms", "0888", "--dir", "/x", *echo], "--perms: '0888' is no octal number"),
                (["--perms", "10000", "--dir", "/x", *echo], "--perms: '10000'"),
                (["--perms", "0700", "--bind", "/", "/", *echo], "--perms: --bind makes nothing"),
                (["--perms", "0700", *echo], "--perms: nothing comes after it"),
                (["--size", "0", "--tmpfs", "/x", *echo], "--size: it is at least 1"),
                (["--size", "4096", "--dir", "/x", *echo], "--size: --dir has no size"),
                (["--overlay-src", "/usr", "--dir", "/x", *echo], "--dir is no overlay"),
                (["--overlay-src", "/usr", "--ro-overlay", "/x", *echo], "at least 2 --overlay"),
                (["--tmp-overlay", "/x", *echo], "at least 1 --overlay-src"),
                (["--file", "200", "/x", *echo], "--file: descriptor 200 is not open"),
                (["--file", "x", "/x", *echo], "--file: 'x' is no number"),
                (["--uid", "4294967295", "--unshare-user", *echo], "--uid: '4294967295'"),
                (["--hostname", "x", *echo], "--hostname: needs --unshare-uts"),
                (["--as-pid-1", *echo], "--as-pid-1: needs --unshare-pid"),
                (["--disable-userns", *echo], "--disable-userns: needs --unshare-user"),
                (["--unshare-user", "--disable-userns", "--map-ids", *echo],
                 "--map-ids does not go with --disable-userns"),
                (["--cap-add", "kill", *echo], "kill is no capability"),
                (["--exec-label", "x", *echo], "--exec-label: not supported: a function of ours"),
                # of no kernel: it has no SELinux, or SELinux takes no such label
                (["--file-label", "a\nb", *HOST, *echo], "linux.mountLabel: "),
                (["--join", "nobody", "--file-label", "x", *echo], "--file-label"),
                (["--userns2", "0", *echo], "--userns2: not supported"),
                (["--userns-block-fd", "0", *echo], "--userns-block-fd: not supported"),
                (["--rlimit", "nofile", *echo], "'nofile' is not NAME=VALUE"),
                (["--rlimit", "files=1", *echo], "'files=1' is not NAME=VALUE"),
                (["--cpus", "none", *HOST, *echo], "--cpus: 'none'"),
                (["--memory", "64X", *HOST, *echo], "--memory: '64X'"),
                (["--preset", "soft", *echo], "--preset: there is no 'soft'"),
                (["--join", "nobody", *echo], "nobody")):
            self.refused(*words, saying=saying)

    def test_what_the_library_refuses(self):
        self.refused(*HOST, "--bind", "/nonexistent", "/tmp", "true", saying="/nonexistent")
        self.refused(*system(), "--dir", "/usr/new", "true", saying=READ_ONLY)
        self.refused(*system(), "--remount-ro", "/lost", "true", saying="/lost")

    def test_a_program_that_is_not_there(self):
        for pids in ([], ["--unshare-pid"], ["--unshare-pid", "--as-pid-1"]):
            self.refused(*HOST, *pids, "/no/such/program", saying="/no/such/program")
        self.refused(*HOST, "/etc/passwd", saying="Permission denied")

    def test_without_a_user_namespace_an_id_cannot_be_chosen(self):
        self.assertEqual(self.inside(*HOST, "--uid", "7", "--gid", "8", "id", "-u"), "7\n")

    def test_as_root_an_id_needs_a_user_namespace(self):
        self.refused(*HOST, "--uid", "7", "id", saying="--uid: needs --unshare-user")
        self.assertEqual(self.inside(*HOST, "--unshare-user", "--uid", "7", "id", "-u"), "7\n")


class Help(Sandboxes):
    def options(self, tool):
        text = self.run_tool(tool, "--help").stdout
        found = {}
        for line in text.splitlines():
            match = re.match(r"^ +(--[a-z0-9-]+)((?: [A-Z]+)*)(?:  +|$)", line)
            if match:
                found[match[1]] = len(match[2].split())
        return found

    @unittest.skipUnless(BWRAP, "bwrap is not installed")
    def test_every_option_of_bwrap_is_there(self):
        theirs, ours = self.options(BWRAP), self.options(SANDBOX)
        self.assertGreater(len(theirs), 50)
        self.assertEqual({name: ours.get(name) for name in theirs}, theirs)

    def test_what_is_printed(self):
        self.assertRegex(self.inside("--help"), "^usage: sandbox ")
        self.assertRegex(self.inside("--version"), r"^sandbox \(ctr\.h \d+\.\d+\.\d+\)\n$")
        for name in ("strict:", "build:", "desktop:"):
            self.assertIn(name, self.inside("--preset", "help"))


class Files(Sandboxes):
    """All on the empty root, with the programs of this machine."""

    def see(self, *words, **kwargs):
        return self.inside(*system(), *words, **kwargs)

    def run_failing(self, *words, saying, **kwargs):
        result = self.sandbox(*system(), *words, **kwargs)
        self.assertNotEqual(result.returncode, 0, words)
        self.assertIn(saying, result.stderr, words)

    def test_the_root_is_empty(self):
        names = self.see("ls", "-A", "/").split()
        self.assertLessEqual(set(names), {"usr", "bin", "sbin", "lib", "lib32", "lib64"})

    def test_binds(self):
        there = self.room / "there"
        there.mkdir()
        (there / "file").write_text("old\n")
        script = "cat /x/file; echo new >/x/file"
        self.assertEqual(self.see("--bind", there, "/x", "sh", "-c", script), "old\n")
        self.assertEqual((there / "file").read_text(), "new\n")
        self.run_failing("--ro-bind", there, "/x", "sh", "-c", script, saying=READ_ONLY)
        self.assertEqual((there / "file").read_text(), "new\n")
        # relative to the working directory, and a file on a file
        self.assertEqual(self.see("--ro-bind", "there/file", "/y/z", "cat", "/y/z"), "new\n")

    def test_binds_that_are_tried(self):
        for option in ("--bind-try", "--ro-bind-try", "--dev-bind-try"):
            self.assertEqual(self.see(option, "/no/such", "/x", "ls", "-d", "/usr"), "/usr\n")
            self.assertEqual(self.see(option, self.room, "/x", "ls", "/x"), "home\n")

    def test_devices(self):
        script = "echo >/x && echo written"
        self.assertEqual(self.see("--dev-bind", "/dev/null", "/x", "sh", "-c", script), "written\n")
        self.run_failing("--bind", "/dev/null", "/x", "sh", "-c", script,
                         saying="Permission denied")

    def test_binds_of_descriptors(self):
        (self.room / "in").write_text("through a descriptor\n")
        for path, inside in ((self.room, "/x/in"), (self.room / "in", "/x")):
            fd = high(os.open(path, os.O_PATH))
            script = f"cat {inside}; ls /proc/self/fd; echo >>{inside}"
            words = [fd, "/x", "--proc", "/proc", "sh", "-c", script]
            said, *fds = self.see("--bind-fd", *words, pass_fds=(fd,)).splitlines()
            self.assertEqual(said, "through a descriptor")
            self.assertNotIn(str(fd), fds)
            self.run_failing("--ro-bind-fd", *words, pass_fds=(fd,), saying=READ_ONLY)
            (self.room / "in").write_text("through a descriptor\n")
            os.close(fd)

    def test_a_descriptor_bound_below_a_root_that_comes_later_is_covered(self):
        (self.room / "in").write_text("covered\n")
        fd = high(os.open(self.room, os.O_PATH))
        self.addCleanup(os.close, fd)
        self.assertEqual(self.inside("--bind-fd", fd, "/x", "--bind", "/", "/", "sh", "-c",
                                     "test -e /x/in || echo covered", pass_fds=(fd,)), "covered\n")

    def test_mounts_of_the_host_come_along(self):
        result = self.run_tool("/bin/sh", "-c", "mount | grep -c ' on /proc'")
        self.assertEqual(self.inside("--ro-bind", "/", "/", "sh", "-c",
                                     "mount | grep -c ' on /proc'"), result.stdout)

    def test_the_order_counts(self):
        (self.room / "below").mkdir()
        words = ["--bind", self.room, "/x", "--tmpfs", "/x/below", "--dir", "/x/below/new"]
        self.assertEqual(self.see(*words, "ls", "/x/below"), "new\n")
        self.assertEqual(self.see(*words, "--tmpfs", "/x", "ls", "/x"), "")
        self.assertEqual(sorted(os.listdir(self.room)), ["below", "home"])
        self.assertEqual(self.inside("--dir", "/x", "--tmpfs", "/", *system(), "ls", "-d", "/usr"),
                         "/usr\n")

    def test_tmpfs(self):
        shown = self.see("--tmpfs", "/a", "--perms", "01777", "--size", "65536", "--tmpfs", "/b/c",
                         "--tmpfs", "/d", "stat", "-c", "%n %a", "/a", "/b", "/b/c", "/d")
        self.assertEqual(shown.splitlines(), ["/a 755", "/b 755", "/b/c 1777", "/d 755"])
        shown = self.see("--size", "65536", "--tmpfs", "/b", "--proc", "/proc", "df",
                         "--output=size", "/b", "-B1")
        self.assertEqual(shown.split()[-1], "65536")

    def test_directories_and_their_parents(self):
        shown = self.see("--dir", "/a/b", "--perms", "0700", "--dir", "/c/d", "--perms", "0750",
                         "--dir", "/e/f", "--perms", "0705", "--dir", "/g/h", "--perms", "0700",
                         "--dir", "/a", "stat", "-c", "%n %a", "/a", "/a/b", "/c", "/c/d", "/e",
                         "/e/f", "/g", "/g/h")
        self.assertEqual(shown.splitlines(), ["/a 755", "/a/b 755", "/c 700", "/c/d 700", "/e 750",
                                              "/e/f 750", "/g 705", "/g/h 705"])

    def test_files(self):
        content = bytes(range(256)) * 1000
        shown = self.see("--file", 50, "/a/file", "--perms", "0640", "--file", 51, "/b/file",
                         "sh", "-c", "stat -c '%n %a %s' /a/file /b/file; stat -c %a /b; "
                                     "cksum </a/file; echo more >>/b/file; cat /b/file",
                         fds={50: content, 51: "text\n"})
        *stats, sum_, text, more = shown.splitlines()
        self.assertEqual(stats, ["/a/file 666 256000", "/b/file 640 5", "750"])
        expected = subprocess.run(["cksum"], input=content, capture_output=True, check=True).stdout
        self.assertEqual(sum_, expected.decode().strip())
        self.assertEqual((text, more), ("text", "more"))

    def test_data_that_is_bound(self):
        etc = self.room / "etc"
        etc.mkdir()
        (etc / "passwd").write_text("the host's\n")
        words = ["--ro-bind", etc, "/etc"]
        shown = self.see(*words, "--bind-data", 50, "/etc/passwd", "sh", "-c",
                         "cat /etc/passwd; stat -c %a /etc/passwd; echo x >/etc/passwd; "
                         "cat /etc/passwd", fds={50: "ours\n"})
        self.assertEqual(shown, "ours\n600\nx\n")
        self.assertEqual((etc / "passwd").read_text(), "the host's\n")
        self.run_failing(*words, "--perms", "0444", "--ro-bind-data", 50, "/etc/passwd", "sh", "-c",
                         "cat /etc/passwd; echo x >/etc/passwd", fds={50: "ours\n"},
                         saying=READ_ONLY)

    def test_symlinks(self):
        self.assertEqual(self.see("--symlink", "a b", "/x/y", "readlink", "/x/y"), "a b\n")
        # as bubblewrap does since 0.9
        self.assertEqual(self.see("--symlink", "a", "/x", "--symlink", "a", "/x", "readlink", "/x"),
                         "a\n")
        self.run_failing("--symlink", "a", "/x", "--symlink", "b", "/x", "true",
                         saying="File exists")

    def test_permissions_of_what_is_there(self):
        words = ["--dir", "/a/b", "--file", 50, "/a/c", "--chmod", "0711", "/a/b", "--chmod",
                 "0400", "/a/c", "--chmod", "1777", "/a", "--remount-ro", "/"]
        self.assertEqual(self.see(*words, "stat", "-c", "%a", "/a", "/a/b", "/a/c", fds={50: ""}),
                         "1777\n711\n400\n")
        self.run_failing("--chmod", "0700", "/no", "true", saying="/no")

    def test_read_only(self):
        words = ["--tmpfs", "/x", "--tmpfs", "/x/y", "--dir", "/x/z", "--remount-ro", "/x"]
        self.assertEqual(self.see(*words, "sh", "-c", "touch /x/y/new && ls /x/y"), "new\n")
        self.run_failing(*words, "touch", "/x/new", saying=READ_ONLY)
        self.run_failing("--remount-ro", "/", "touch", "/new", saying=READ_ONLY)
        self.assertEqual(self.see("--tmpfs", "/x", "--remount-ro", "/", "sh", "-c",
                                  "touch /x/new && ls /x"), "new\n")

    def test_proc(self):
        self.assertEqual(self.see("--unshare-pid", "--proc", "/p/q", "sh", "-c",
                                  "echo /p/q/[0-9]*; cat /p/q/1/comm"),
                         "/p/q/1 /p/q/2\nsandbox\n")
        shown = self.see("--proc", "/p/q", "sh", "-c", "cat /p/q/1/comm")
        self.assertEqual(shown, Path("/proc/1/comm").read_text())

    def test_dev(self):
        shown = self.see("--dev", "/x/dev", "ls", "/x/dev").split()
        self.assertEqual(shown, ["core", "fd", "full", "null", "ptmx", "pts", "random", "shm",
                                 "stderr", "stdin", "stdout", "tty", "urandom", "zero"])
        self.assertEqual(self.see("--dev", "/dev", "sh", "-c", "head -c 3 /dev/zero | od -An -tx1; "
                                  "echo gone >/dev/null; ls -A /dev/pts /dev/shm").split(),
                         ["00", "00", "00", "/dev/pts:", "ptmx", "/dev/shm:"])
        self.assertEqual(self.see("--dev", "/dev", PYTHON, "-c",
                                  "import os; print(os.ttyname(os.openpty()[1]))"), "/dev/pts/0\n")

    def test_message_queues(self):
        self.assertEqual(self.see("--unshare-ipc", "--mqueue", "/x", "sh", "-c",
                                  "touch /x/queue && ls /x"), "queue\n")

    def layers(self):
        for name, files in (("low", "both low"), ("high", "both high"), ("up", ""), ("work", "")):
            (self.room / name).mkdir()
            for file in files.split():
                (self.room / name / file).write_text(f"{file} of {name}\n")
        return ["--overlay-src", self.room / "low", "--overlay-src", self.room / "high"]

    def test_overlays(self):
        layers = self.layers()
        script = "cat /x/both /x/low; echo new >/x/both && rm /x/low && ls /x"
        said = "both of high\nlow of low\nboth\nhigh\n"
        self.assertEqual(self.see(*layers, "--tmp-overlay", "/x", "sh", "-c", script), said)
        self.assertEqual(os.listdir(self.room / "up"), [])
        self.assertEqual(self.see(*layers, "--overlay", self.room / "up", self.room / "work", "/x",
                                  "sh", "-c", script), said)
        self.assertEqual((self.room / "up/both").read_text(), "new\n")
        self.assertEqual((self.room / "high/both").read_text(), "both of high\n")
        self.run_failing(*layers, "--ro-overlay", "/x", "sh", "-c", script,
                         saying=READ_ONLY)
        # the whole machine, to be changed as one likes
        self.assertEqual(self.inside("--overlay-src", self.room, "--tmp-overlay", "/", *system(),
                                     "sh", "-c", "rm -r /low && ls -d /high"), "/high\n")
        self.assertTrue((self.room / "low/low").exists())


class Process(Sandboxes):
    def test_namespaces(self):
        ours = namespaces()
        script = "for kind in user ipc pid net uts cgroup; do readlink /proc/self/ns/$kind; done"
        always = set() if ROOT else {"user"}
        for option, own in (("", set()), ("unshare-user", {"user"}), ("unshare-user-try", {"user"}),
                            ("unshare-ipc", {"ipc"}), ("unshare-pid", {"pid"}),
                            ("unshare-net", {"net"}), ("unshare-uts", {"uts"}),
                            ("unshare-cgroup", {"cgroup"}), ("unshare-cgroup-try", {"cgroup"}),
                            ("unshare-all", set(KINDS)),
                            ("unshare-all --share-net", set(KINDS) - {"net"})):
            words = f"--{option}".split() if option else []
            shown = self.inside(*HOST, *words, "sh", "-c", script).split()
            changed = {kind for kind, link in zip(KINDS, shown) if link != ours[kind]}
            self.assertEqual(changed, own | always, option)

    def test_names_and_ids(self):
        self.assertEqual(self.inside(*HOST, "--unshare-uts", "--hostname", "inside", "hostname"),
                         "inside\n")
        for dev in ([], ["--dev", "/dev"]):
            self.assertEqual(self.inside(*HOST, *dev, "--unshare-user", "--uid", "7", "--gid", "8",
                                         "id"), "uid=7 gid=8 groups=8\n".replace(
                                             "uid=7 gid=8 groups=8", self.name_ids(7, 8)))

    def name_ids(self, uid, gid):
        """As id(1) writes them, with this machine's names."""
        names = subprocess.run(["sh", "-c", f"getent passwd {uid}; getent group {gid}"],
                               capture_output=True, text=True).stdout.splitlines()
        user, group = (line.split(":")[0] for line in names)
        return f"uid={uid}({user}) gid={gid}({group}) groups={gid}({group})"

    def test_joining_namespaces(self):
        """Those of another sandbox, by descriptors."""
        with self.running("--unshare-user", "--unshare-pid") as pid:
            fds = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in ("user", "pid")]
            theirs = namespaces(pid)
            shown = self.inside("--ro-bind", "/", "/", "--userns", fds[0], "--pidns", fds[1],
                                "--proc", "/proc", "sh", "-c",
                                "cd /proc/self/ns; readlink user pid; cat /proc/1/comm; id -u",
                                pass_fds=fds).split()
            for fd in fds:
                os.close(fd)
            self.assertEqual(shown, [theirs["user"], theirs["pid"], "sandbox", str(os.getuid())])

    @contextlib.contextmanager
    def running(self, *words):
        """A sandbox that lasts while the block does: the pid of its first process."""
        told, tell = os.pipe()
        process = self.start(*HOST, "--json-status-fd", tell, *words, "sh", "-c", "echo; read x",
                             pass_fds=(tell,))
        os.close(tell)
        with os.fdopen(told) as status:
            pid = json.loads(status.readline())["child-pid"]
        process.stdout.readline()  # it runs
        yield pid
        process.stdin.close()
        process.wait()

    def test_no_more_user_namespaces(self):
        script = "unshare --user true && echo made"
        words = [*HOST, "--unshare-user"]
        self.assertEqual(self.inside(*words, "sh", "-c", script), "made\n")
        result = self.sandbox(*words, "--disable-userns", "--uid", "7", "sh", "-c",
                              f"id -u; {script}")
        self.assertEqual((result.stdout, result.returncode), ("7\n", 1))
        self.assertIn("unshare", result.stderr)
        for words, made in (([*words, "--disable-userns"], True), (words, False)):
            result = self.sandbox(*words, "--assert-userns-disabled", "echo", "ran")
            self.assertEqual(result.stdout, "ran\n" if made else "")
            self.assertEqual("--assert-userns-disabled" in result.stderr, not made)

    def test_where_it_starts(self):
        words, show = system(), ["sh", "-c", "echo $PWD; /bin/pwd -P"]
        home, room = self.room / "home", self.room
        for options, cwd, expected in (
                (["--bind", room, room], room, room), (["--bind", home, home], "/sys", home),
                (["--dir", room], room, room), ([], room, "/"), ([], "/usr", "/usr"),
                (["--bind", room, room, "--chdir", "/usr"], room, "/usr"),
                (["--setenv", "HOME", "/usr/bin"], room, "/usr/bin")):
            shown = self.inside(*words, *options, *show, cwd=cwd)
            self.assertEqual(shown, f"{expected}\n" * 2, options)
        self.assertEqual(self.inside(*words, "--symlink", "usr", "/x", "--chdir", "/x", *show),
                         "/x\n/usr\n")
        result = self.sandbox(*words, "--chdir", room, *show)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn(f"sandbox: --chdir: {room}: No such file", result.stderr)

    def test_environment(self):
        words = [*system(), "--chdir", "/"]
        shown = self.inside(*words, "--setenv", "A", "b c", "--unsetenv", "HOME", "env",
                            env={"B": "1"})
        self.assertEqual(sorted(shown.splitlines()),
                         sorted([*(f"{k}={v}" for k, v in ENV.items()), "A=b c", "B=1", "PWD=/"]))
        shown = self.inside(*words, "--setenv", "A", "b", "--clearenv", "--setenv", "C", "d", "env")
        self.assertEqual(sorted(shown.splitlines()), ["C=d", "PWD=/"])
        self.assertEqual(self.inside(*words, "--argv0", "other", "sh", "-c", "echo $0"), "other\n")

    def test_what_was_cleared_is_nowhere_to_be_read(self):
        show = ["sh", "-c", "cat /proc/1/environ /proc/self/environ | tr '\\0' '\\n'"]
        for options, seen in (([], True), (["--clearenv"], False),
                              (["--unsetenv", "SECRET"], False)):
            shown = self.inside(*HOST, "--unshare-pid", *options, *show, env={"SECRET": "hidden"})
            self.assertEqual("hidden" in shown, seen, options)

    # What is open there can be opened by its name, and leads out of what it is bound to.
    SHOW_FIRST = [PYTHON, "-c", "import os; d = '/proc/1/fd'\n"
                  "for fd in os.listdir(d): print(os.readlink(f'{d}/{fd}').split(':')[0])"]

    def test_the_first_process_holds_nothing_of_the_host_open(self):
        fds = [high(os.open(self.room, os.O_PATH)), high(os.open(PYTHON, os.O_RDONLY))]
        words = [*system(), "--proc", "/proc", "--unshare-pid", "--ro-bind-fd", fds[0], "/x",
                 "--block-fd", fds[1]]
        states = self.room / "states"
        states.mkdir(mode=0o700)
        env, name = {"XDG_RUNTIME_DIR": str(states)}, f"test-{os.getpid()}"
        self.assertEqual(self.inside(*words, *self.SHOW_FIRST, pass_fds=fds), "pipe\n")
        named = self.start(*words, "--name", name, "sh", "-c", "read x", env=env, pass_fds=fds)
        wait_until(lambda: self.sandbox("--join", name, "true", env=env).returncode == 0,
                   "it can be joined")
        self.assertEqual(self.inside("--join", name, *self.SHOW_FIRST, env=env), "pipe\n")
        named.stdin.close()
        named.wait()
        for fd in fds:
            os.close(fd)

    def test_options_from_a_descriptor(self):
        inner = "".join(f"{word}\0" for word in ("--setenv", "B", "2", "--unshare-uts"))
        outer = "".join(f"{word}\0" for word in ("--setenv", "A", "1", "--args", "51"))
        shown = self.inside(*HOST, "--args", 50, "sh", "-c", "echo $A $B; ls /proc/self/fd",
                            fds={50: outer, 51: inner}).split()
        self.assertEqual(shown[:2], ["1", "2"])
        self.assertFalse({"50", "51"} & set(shown))
        result = self.sandbox(*HOST, "--args", 50, "true", fds={50: "--clearenv\0echo\0"})
        self.assertEqual((result.returncode, result.stdout), (1, ""))

    def test_a_lock(self):
        (self.room / "locked").touch()
        mine = open(self.room / "locked", "r+")
        self.addCleanup(mine.close)

        def can_have(kind):
            try:
                fcntl.lockf(mine, kind | fcntl.LOCK_NB)
                return True
            except OSError:
                return False

        with self.running("--lock-file", self.room / "locked", "--unshare-pid"):
            self.assertFalse(can_have(fcntl.LOCK_EX))
            self.assertTrue(can_have(fcntl.LOCK_SH))
        wait_until(lambda: can_have(fcntl.LOCK_EX), "the lock is let go")
        result = self.sandbox(*HOST, "--lock-file", "/no/such", "echo", "ran")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("--lock-file: /no/such", result.stderr)

    def test_a_descriptor_that_is_held(self):
        """Until the last process has ended, which the program has not for long."""
        reader, writer = os.pipe()
        hold, let_go = os.pipe()
        shown = self.inside(*HOST, "--unshare-pid", "--sync-fd", writer, "sh", "-c",
                            f"ls /proc/self/fd; (read x; exit) </proc/self/fd/{hold} >&- 2>&- &",
                            pass_fds=(writer, hold)).split()
        self.assertNotIn(str(writer), shown)
        self.assertIn(str(hold), shown)
        os.close(writer)
        self.assertEqual(select.select([reader], [], [], 0)[0], [])
        os.close(let_go)
        os.close(hold)
        self.assertEqual(os.read(reader, 1), b"")
        os.close(reader)

    def test_it_waits_until_it_may_begin(self):
        told, tell = os.pipe()
        go, give = os.pipe()
        sandbox = self.start(*HOST, "--unshare-pid", "--block-fd", go, "--json-status-fd", tell,
                             "echo", "ran", pass_fds=(go, tell))
        os.close(tell)
        with os.fdopen(told) as status:
            pid = json.loads(status.readline())["child-pid"]
            wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().split()[2] == "S", "it sleeps")
            self.assertEqual(select.select([sandbox.stdout], [], [], 0)[0], [])
            os.write(give, b"x")
            self.assertEqual(sandbox.stdout.read(), b"ran\n")
            self.assertEqual(json.loads(status.read()), {"exit-code": 0})
        os.close(go)
        os.close(give)

    def test_what_is_told(self):
        kinds = ("cgroup", "ipc", "mnt", "net", "pid", "uts")
        def new(name):
            return os.fdopen(high(os.open(self.room / name, os.O_CREAT | os.O_RDWR)), "w+")

        with new("info") as info, new("status") as status:
            shown = self.inside(*HOST, "--unshare-all", "--info-fd", info.fileno(),
                                "--json-status-fd", status.fileno(), "sh", "-c",
                                f"for kind in {' '.join(kinds)}; do readlink /proc/self/ns/$kind; "
                                "done; ls /proc/self/fd",
                                pass_fds=(info.fileno(), status.fileno())).split()
            info.seek(0)
            status.seek(0)
            first, last = map(json.loads, status.read().splitlines())
            self.assertEqual(json.loads(info.read()), first)
            self.assertEqual(last, {"exit-code": 0})
            ids = {f"{kind}-namespace": int(re.search(r"\d+", link)[0])
                   for kind, link in zip(kinds, shown)}
            self.assertEqual({name: first[name] for name in ids}, ids)
            self.assertFalse({str(info.fileno()), str(status.fileno())} & set(shown[6:]))
            status.seek(0)
            status.truncate()
            self.sandbox(*HOST, "--json-status-fd", status.fileno(), "sh", "-c", "kill -9 $$",
                         pass_fds=(status.fileno(),))
            status.seek(0)
            first, last = map(json.loads, status.read().splitlines())
            self.assertEqual((sorted(first), last), (["child-pid", "mnt-namespace"],
                                                     {"exit-code": 137}))

    def test_how_it_ends(self):
        for pids in ([], ["--unshare-pid"], ["--unshare-pid", "--as-pid-1"]):
            for script, code in (("exit 0", 0), ("exit 7", 7), ("exit 255", 255)):
                self.assertEqual(self.sandbox(*HOST, *pids, "sh", "-c", script).returncode, code)
        for pids in ([], ["--unshare-pid"]):  # also by a signal of its own
            for number in (6, 9, 15):
                result = self.sandbox(*HOST, *pids, "sh", "-c", f"kill -{number} $$")
                self.assertEqual(result.returncode, 128 + number)

    def test_the_first_process(self):
        script = "echo $$ $PPID; cat /proc/1/comm"
        self.assertEqual(self.inside(*HOST, "--unshare-pid", "sh", "-c", script), "2 1\nsandbox\n")
        self.assertEqual(self.inside(*HOST, "--unshare-pid", "--as-pid-1", "sh", "-c", script),
                         "1 0\nsh\n")

    def test_orphans_are_looked_after(self):
        """They are reaped, and run on when the program has ended, but not longer than they want."""
        orphan = ["sh", "-c", "(sh -c 'exit 3' & echo $!) & wait; "
                  "while [ -e /proc/3 ] && ! grep -q ' 1 ' /proc/3/stat; do :; done; "
                  "while ls /proc | grep -qx 4; do :; done; echo none"]
        self.assertEqual(self.inside(*HOST, "--unshare-pid", *orphan).splitlines()[-1], "none")

    def test_the_program_may_leave_others_behind(self):
        done, tell = os.pipe()
        hold, let_go = os.pipe()
        self.inside(*HOST, "--unshare-pid", "sh", "-c",
                    f"(read x; echo left >/proc/self/fd/{tell}) </proc/self/fd/{hold} >&- 2>&- &",
                    pass_fds=(tell, hold))
        os.close(tell)
        self.assertEqual(select.select([done], [], [], 0)[0], [])
        os.write(let_go, b"\n")
        self.assertEqual(os.read(done, 16), b"left\n")
        self.assertEqual(os.read(done, 16), b"")
        for fd in (done, hold, let_go):
            os.close(fd)

    def test_sessions(self):
        script = "ps -o sid= -p $$; echo $$"
        sid, _ = map(int, self.inside(*HOST, "sh", "-c", script).split())
        self.assertEqual(sid, os.getsid(0))
        sid, pid = map(int, self.inside(*HOST, "--new-session", "sh", "-c", script).split())
        self.assertEqual(sid, pid)

    def test_a_terminal(self):
        """Without --new-session it is the caller's, and goes by the name of the console."""
        def on_terminal(*words):
            pid, end = pty.fork()
            if pid == 0:
                os.execve(SANDBOX, ["sandbox", *system(), "--proc", "/proc", "--dev", "/dev",
                                    *words, "sh", "-c", "tty; echo x >/dev/tty && echo yes"], ENV)
            said = b""
            while True:
                try:
                    piece = os.read(end, 4096)
                except OSError:  # nobody has the other end any more
                    break
                said += piece
            os.waitpid(pid, 0)
            os.close(end)
            return said.decode().splitlines()
        self.assertEqual(on_terminal(), ["/dev/console", "x", "yes"])
        self.assertEqual(on_terminal("--new-session")[0], "/dev/console")
        self.assertNotIn("yes", on_terminal("--new-session"))

    def test_it_dies_with_us(self):
        for pids in ([], ["--unshare-pid"], ["--unshare-pid", "--as-pid-1"]):
            for victim in ("sandbox", "its parent"):
                told, tell = os.pipe()
                words = [SANDBOX, *HOST, *pids, "--die-with-parent", "--json-status-fd", str(tell),
                         "sleep", "1000"]
                parent = subprocess.Popen(["sh", "-c", '"$@" & echo $!; wait', "sh",
                                           *map(str, words)], stdout=subprocess.PIPE, text=True,
                                          pass_fds=(tell,))
                os.close(tell)
                sandbox = int(parent.stdout.readline())
                with os.fdopen(told) as status:
                    pid = json.loads(status.readline())["child-pid"]
                    os.kill(sandbox if victim == "sandbox" else parent.pid, signal.SIGKILL)
                    status.read()
                wait_until(lambda: not Path(f"/proc/{pid}/exe").exists() or
                           Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z", "it is gone")
                parent.kill()
                parent.wait()
                parent.stdout.close()

    def test_descriptors_go_along(self):
        script = "ls /proc/self/fd; cat /proc/self/fd/50 /proc/self/fd/60"
        *fds, first, second = self.inside(*HOST, "sh", "-c", script,
                                          fds={50: "fifty\n", 60: "sixty\n"}).split()
        self.assertEqual((first, second), ("fifty", "sixty"))
        self.assertEqual({fd for fd in fds if 9 < int(fd) < 100}, {"50", "60"})

    def test_a_descriptor_whose_number_is_too_high(self):
        with open(os.devnull) as file:
            fd = fcntl.fcntl(file.fileno(), fcntl.F_DUPFD, 300)
        result = self.sandbox(*HOST, "echo", "ran", pass_fds=(fd,))
        self.assertEqual((result.returncode, result.stdout), (0, "ran\n"))
        self.assertEqual(result.stderr, f"sandbox: descriptor {fd} is not passed on: "
                                        "none above 258 is\n")
        self.assertEqual(self.inside(*HOST, "--unshare-pid", "--sync-fd", fd, "echo", "ran",
                                     pass_fds=(fd,)), "ran\n")
        os.close(fd)

    def test_signals_that_are_ignored_stay_so(self):
        show = ["grep", "-E", "SigIgn|SigBlk", "/proc/self/status"]  # a shell would unblock them
        result = self.sandbox(*HOST, *show, preexec_fn=lambda: (
            signal.signal(signal.SIGHUP, signal.SIG_IGN),
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])))
        blocked, ignored = (int(line.split()[1], 16) for line in result.stdout.splitlines())
        self.assertEqual((ignored & 1, blocked), (1, 1 << (signal.SIGUSR1 - 1)))
        result = self.sandbox(*HOST, *show)
        blocked, ignored = (int(line.split()[1], 16) for line in result.stdout.splitlines())
        self.assertEqual((ignored & 1, blocked), (0, 0))


class Rights(Sandboxes):
    PERSONALITY, SETPRIORITY = 135, 141  # on x86_64, as the filters here have them

    def attempts(self, *words, **kwargs):
        code = ("import ctypes, errno; libc = ctypes.CDLL(None, use_errno=True)\n"
                "for call in (135, 141):\n"
                "  r = libc.syscall(call, 0xffffffff if call == 135 else 0, 0, 0)\n"
                "  print('EPERM' if r < 0 and ctypes.get_errno() == errno.EPERM else 'ok')")
        return self.inside(*HOST, *words, PYTHON, "-c", code, **kwargs).split()

    @unittest.skipUnless(os.uname().machine == "x86_64", "the filters name system calls of x86_64")
    def test_filters(self):
        one, other = filter_program([self.PERSONALITY]), filter_program([self.SETPRIORITY])
        for words, seen in ((["--seccomp", 50], ["EPERM", "ok"]),
                            (["--seccomp", 50, "--seccomp", 51], ["ok", "EPERM"]),
                            (["--add-seccomp-fd", 50, "--add-seccomp-fd", 51], ["EPERM", "EPERM"]),
                            ([], ["ok", "ok"])):
            self.assertEqual(self.attempts(*words, fds={50: one, 51: other}), seen, words)
        self.assertEqual(self.attempts("--unshare-pid", "--seccomp", 50, fds={50: one}),
                         ["EPERM", "ok"])

    @unittest.skipUnless(os.uname().machine == "x86_64", "the filters name system calls of x86_64")
    def test_a_filter_need_not_allow_what_leads_to_the_program(self):
        """Our process beside it has the filter when it has nothing left to do but to wait."""
        for call in (7, 56, 57, 126):  # poll, clone, fork, capset
            result = self.sandbox(*HOST, "--unshare-pid", "--seccomp", 50, "false",
                                  fds={50: filter_program([call], KILL)})
            self.assertEqual((result.returncode, result.stderr), (1, ""), call)
            result = self.sandbox(*HOST, "--unshare-pid", "--seccomp", 50, "true",
                                  fds={50: filter_program([call], KILL)})
            self.assertEqual((result.returncode, result.stderr), (0, ""), call)

    @unittest.skipUnless(os.uname().machine == "x86_64", "the filters name system calls of x86_64")
    def test_who_joins_brings_the_filter(self):
        states = self.room / "states"
        states.mkdir(mode=0o700)
        env, name = {"XDG_RUNTIME_DIR": str(states)}, f"test-{os.getpid()}"
        content = filter_program([self.PERSONALITY])
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            first = self.start(*HOST, "--unshare-pid", "--name", name, "--seccomp", file.fileno(),
                               "sh", "-c", "read x", env=env, pass_fds=(file.fileno(),))
        wait_until(lambda: "has a filter" in self.sandbox("--join", name, "true", env=env).stderr,
                   "it has a name")
        refused = self.sandbox("--join", name, "echo", "ran", env=env)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertIn(f"sandbox: --join: what runs in {name} has a filter", refused.stderr)
        words = ["--join", name, "--seccomp", 50]
        wait_until(lambda: self.sandbox(*words, "true", env=env, fds={50: content}).returncode == 0,
                   "it can be joined")
        shown = self.inside(*words, "grep", "Seccomp:", "/proc/self/status", env=env,
                            fds={50: content})
        self.assertEqual(shown.split(), ["Seccomp:", "2"])
        first.stdin.close()
        first.wait()

    def test_filters_that_are_none(self):
        for words, content, saying in (
                (["--seccomp", 50], b"", "0 bytes are no filter"),
                (["--seccomp", 50], b"123456789", "9 bytes are no filter"),
                (["--seccomp", 50], b"\xff" * 8, "seccomp"),
                (["--seccomp", 50, "--add-seccomp-fd", 50], filter_program([]), "not go together")):
            result = self.sandbox(*HOST, *words, "echo", "ran", fds={50: content})
            self.assertEqual((result.returncode, result.stdout), (1, ""), saying)
            self.assertIn(saying, result.stderr)

    def caps(self, *words):
        shown = self.inside(*HOST, *words, "grep", "-E", "^Cap|NoNew", "/proc/self/status")
        found = {line.split(":")[0]: line.split()[1] for line in shown.splitlines()}
        self.assertEqual(found.pop("NoNewPrivs"), "1")
        return {name: int(value, 16) for name, value in found.items()}

    def test_capabilities(self):
        names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
        every = int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1
        for words, expected in (([], 0), (["--cap-add", "CAP_KILL"], 1 << 5),
                                (["--cap-add", "ALL"], (1 << every) - 1),
                                (["--uid", "0", "--cap-add", "ALL", "--cap-drop", "CAP_KILL"],
                                 (1 << every) - 1 - (1 << 5)),
                                (["--cap-add", "CAP_KILL", "--cap-drop", "ALL"], 0)):
            self.assertEqual(self.caps(*words), dict.fromkeys(names, expected), words)

    def test_capabilities_of_root(self):
        own = {line.split(":")[0]: int(line.split()[1], 16)
               for line in Path("/proc/self/status").read_text().splitlines()
               if line.startswith("Cap")}
        everything = self.caps()
        self.assertEqual((everything["CapPrm"], everything["CapBnd"]), (own["CapBnd"],) * 2)
        self.assertEqual(self.caps("--cap-drop", "ALL")["CapPrm"], 0)
        self.assertEqual(self.caps("--cap-drop", "CAP_KILL")["CapPrm"], own["CapPrm"] & ~(1 << 5))
        self.assertEqual(self.caps("--cap-drop", "ALL", "--cap-add", "CAP_KILL")["CapEff"], 1 << 5)
        self.assertEqual(self.caps("--unshare-user", "--uid", "7")["CapEff"], 0)


class Beyond(Sandboxes):
    def test_limits_of_each_process(self):
        shown = self.inside(*HOST, "--rlimit", "nofile=100", "--rlimit", "fsize=64K", "sh", "-c",
                            "ulimit -n; ulimit -f")
        self.assertEqual(shown, "100\n128\n")

    def test_limits_of_all_together(self):
        self.assertEqual(self.inside(*HOST, "--pids", "20", "--cpus", "0.5", "--memory", "64M",
                                     "echo", "ran"), "ran\n")
        result = self.sandbox(*HOST, "--unshare-pid", "--memory", "16M", PYTHON, "-c",
                              "x = bytearray(64 << 20); print(len(x))")
        self.assertEqual((result.returncode, result.stdout), (137, ""))
        result = self.sandbox(*HOST, "--unshare-pid", "--pids", "5", "sh", "-c",
                              "for i in 1 2 3 4 5 6; do sleep 1000 & done; echo all")
        self.assertNotEqual(result.returncode, 0)
        self.assertNotIn("all", result.stdout)

    def test_nothing_stays_when_it_is_told_to_end(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # who runs the tests may be under nohup(1)
            sandbox = self.start(*HOST, "--pids", "20", "sh", "-c", "echo; read x")
            sandbox.stdout.readline()
            groups = [top for top, _, _ in os.walk("/sys/fs/cgroup")
                      if top.endswith(f"/ctr-sandbox-{sandbox.pid}")]
            self.assertTrue(groups)
            sandbox.send_signal(number)
            self.assertEqual(sandbox.wait(), 128 + number)
            self.assertEqual([group for group in groups if os.path.exists(group)], [])

    def test_limits_hold_or_are_refused(self):
        result = self.sandbox(*HOST, "--memory", "64M", "echo", "ran")
        if result.returncode:  # nothing is delegated
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn("sandbox: linux.resources.memory.limit: ", result.stderr)
        else:
            self.assertEqual(result.stdout, "ran\n")

    def test_explanation(self):
        shown = self.inside(*system(), "--unshare-net", "--explain", "false")
        for word in ("network", "tmpfs", "/usr", "call the caller's function"):
            self.assertIn(word, shown)

    def preset(self, name, *words, **kwargs):
        (self.room / "work").mkdir(exist_ok=True)
        return self.inside("--preset", name, *words, cwd=self.room / "work", **kwargs)

    def test_strict(self):
        shown = self.preset("strict", "sh", "-c",
                            "ls -A / /tmp; env | sort; ip link 2>/dev/null | grep -c mtu; pwd; "
                            f"ls {self.room} 2>&1; echo $$")
        self.assertNotIn("home", shown)
        self.assertIn("HOME=/tmp\nPATH=/usr/bin:/bin\nPWD=/tmp\n", shown)
        self.assertIn("No such file", shown)
        self.assertTrue(shown.endswith("\n2\n"), shown)
        result = self.sandbox("--preset", "strict", "touch", "/new")
        self.assertIn(READ_ONLY, result.stderr)

    def test_build(self):
        shown = self.preset("build", "sh", "-c", "pwd; echo out >result; touch /tmp/x $HOME/y; "
                            "touch /etc/z 2>/dev/null || echo kept; echo $PATH")
        self.assertEqual(shown, f"{self.room}/work\nkept\n{ENV['PATH']}\n")
        self.assertEqual((self.room / "work/result").read_text(), "out\n")
        self.assertEqual(os.listdir(self.room / "home"), [])

    def test_desktop(self):
        runtime = self.room / "runtime"
        runtime.mkdir()
        for name in ("wayland-7", "secret"):
            (runtime / name).touch()
        (self.room / "home/mine").touch()
        shown = self.preset("desktop", "sh", "-c", f"pwd; ls -A $HOME {runtime}; touch $HOME/new; "
                            "touch /var/tmp/z 2>/dev/null || echo kept; "
                            "readlink /proc/self/ns/net",
                            env={"XDG_RUNTIME_DIR": str(runtime), "WAYLAND_DISPLAY": "wayland-7"})
        home = self.room / "home"
        self.assertEqual(shown, f"{home}\n{home}:\n\n{runtime}:\nwayland-7\nkept\n"
                                f"{os.readlink('/proc/self/ns/net')}\n")
        self.assertEqual(os.listdir(home), ["mine"])

    def test_what_comes_after_a_preset_counts(self):
        self.assertEqual(self.preset("strict", "--share-net", "--chdir", "/usr", "sh", "-c",
                                     "pwd; readlink /proc/self/ns/net"),
                         f"/usr\n{os.readlink('/proc/self/ns/net')}\n")

    def test_joining_by_name(self):
        states = self.room / "states"
        states.mkdir(mode=0o700)
        env, name = {"XDG_RUNTIME_DIR": str(states)}, f"test-{os.getpid()}"
        words = [*system(), "--proc", "/proc", "--unshare-pid", "--name", name, "--clearenv",
                 "--setenv", "A", "b"]
        first = self.start(*words, "sh", "-c", "echo here >/mark; echo; read x", env=env)
        first.stdout.readline()
        shown = self.inside("--join", name, "--setenv", "B", "c", "--chdir", "/usr", "sh", "-c",
                            "cat /mark; echo $A $B; cat /proc/1/comm; pwd", env=env)
        self.assertEqual(shown.splitlines(), ["here", "b c", "sandbox", "/usr"])
        result = self.sandbox("--join", name, "--unshare-net", "true", env=env)
        self.assertIn("--join does not go with options for namespaces", result.stderr)
        self.assertEqual(self.sandbox("--join", name, "sh", "-c", "exit 9", env=env).returncode, 9)
        taken = self.sandbox(*words, "true", env=env)
        self.assertEqual((taken.returncode, taken.stdout), (1, ""))
        first.stdin.close()
        self.assertEqual(first.wait(), 1)  # what read says at the end
        self.assertEqual(self.sandbox("--join", name, "true", env=env).returncode, 1)
        self.assertEqual(self.inside(*words, "echo", "again", env=env), "again\n")

    def test_one_with_a_dev_has_the_callers_ids_and_can_be_joined(self):
        states = self.room / "states"
        states.mkdir(mode=0o700)
        env, name = {"XDG_RUNTIME_DIR": str(states)}, f"test-{os.getpid()}"
        first = self.start(*HOST, "--dev", "/dev", "--unshare-pid", "--name", name,
                           "sh", "-c", "id -u; readlink /proc/self/ns/user; read x", env=env)
        seen = [first.stdout.readline().decode().strip() for _ in range(2)]
        shown = self.inside("--join", name, "sh", "-c",
                            "id -u; readlink /proc/self/ns/user; test -c /dev/pts/ptmx && echo pts",
                            env=env)
        self.assertEqual(shown.split(), [*seen, "pts"])
        self.assertEqual(seen[0], str(os.getuid()))
        first.stdin.close()
        first.wait()

    def test_a_name_whose_sandbox_was_killed_is_free_again(self):
        states = self.room / "states"
        states.mkdir(mode=0o700)
        env, name = {"XDG_RUNTIME_DIR": str(states)}, f"test-{os.getpid()}"
        words = [*HOST, "--unshare-pid", "--die-with-parent", "--name", name]
        first = self.start(*words, "sh", "-c", "echo; read x", env=env)
        first.stdout.readline()
        first.kill()
        wait_until(lambda: self.sandbox(*words, "true", env=env).returncode == 0, "it is free")

    def ordinary(self, *words):
        """As somebody whom subuid(5) gives ids: as root we can arrange for that."""
        if not ROOT:
            return self.sandbox(*words)
        for kind in ("subuid", "subgid"):
            (self.room / kind).write_text("1000:200000:65536\n")
        cover = "".join(f"mount --bind {self.room}/{kind} /etc/{kind} && "
                        for kind in ("subuid", "subgid"))
        return self.run_tool("unshare", "--mount", "sh", "-c",
                             f'{cover} exec setpriv --reuid 1000 --regid 1000 --clear-groups "$@"',
                             "sh", SANDBOX, *words)

    @unittest.skipUnless(os.path.exists("/usr/bin/newuidmap"), "newuidmap is not installed")
    @unittest.skipUnless(os.path.exists("/etc/subuid"), "there is no /etc/subuid")
    def test_more_ids(self):
        own = 1000 if ROOT else os.getuid()
        result = self.ordinary(*HOST, "--map-ids", "--dev", "/dev", "cat", "/proc/self/uid_map")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        maps = [tuple(map(int, line.split())) for line in result.stdout.splitlines()]
        self.assertIn((own, own, 1), maps)
        self.assertGreater(sum(count for _, _, count in maps), 1000)
        self.assertEqual(self.ordinary(*HOST, "--map-ids", "id", "-u").stdout, f"{own}\n")
        result = self.ordinary(*HOST, "--map-ids", "--uid", "0", "--gid", "0", "--cap-add", "ALL",
                               "--tmpfs", "/tmp", "sh", "-c",
                               "touch /tmp/x && chown 33:33 /tmp/x && stat -c %u /tmp/x")
        self.assertEqual((result.stdout, result.stderr), ("33\n", ""))
        # with a name, or limits, they are what makes terminals possible
        result = self.ordinary(*HOST, "--unshare-pid", "--dev", "/dev", "--name",
                               f"test-{os.getpid()}", "sh", "-c", "id -u; ls /dev/pts")
        self.assertEqual((result.stdout, result.stderr), (f"{own}\nptmx\n", ""))

    def test_more_ids_have_to_be_given(self):
        result = self.sandbox(*HOST, "--map-ids", "echo", "ran")
        if "CTR_RANGE" in os.environ:
            self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)
        else:
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn("sandbox: --map-ids: ", result.stderr)

    def test_terminals_with_a_name(self):
        words = [*HOST, "--unshare-pid", "--dev", "/dev", "--name", f"test-{os.getpid()}"]
        self.assertEqual(self.inside(*words, "--uid", "0", "--gid", "0", "ls", "/dev/pts"), "ptmx\n")
        self.assertEqual(self.inside(*words, "ls", "/dev/pts"), "ptmx\n")
