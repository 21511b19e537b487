"""What of the caller a program inside could find: its descriptors, environment, keys, terminal; and
what of itself the caller could find changed by us, though only for a moment."""

import ctypes
import fcntl
import json
import os
import re
import resource
import select
import shutil
import socket
import subprocess
import termios

from hole import Hole, bind, change, compiled
from lifecycle import BUSYBOX

STREAMS = {"0", "1", "2"}


def facts(text, name):
    return [line.partition(" ")[2] for line in text.splitlines() if line.startswith(f"{name} ")]


class Leaks(Hole):
    def probe_self(self, *words, **kwargs):
        """What "probe self" says of a program and of one more process; by how it came in."""
        self.default["process"]["args"] = ["/probe", "hear"]
        self.start("one")
        said = {"exec": self.works("exec", "one", "/probe", "self", *words, **kwargs)}
        self.write({**self.own_cgroup("two"), "process.args": ["/probe", "self", *words]})
        said["run"] = self.works("run", "--bundle", self.bundle, "two", **kwargs)
        return said


# -- descriptors: CVE-2024-21626 begins with one that is left open --

class Descriptors(Leaks):
    def open_many(self):
        """In the runtime: descriptors of every kind that stay open over execve, also where no more
        could be opened (RLIMIT_NOFILE)."""
        one, other = socket.socketpair()
        inner, outer = os.pipe()
        kinds = [os.open("/", os.O_RDONLY), os.open("/", os.O_PATH), one.detach(), other.detach(),
                 inner, outer, os.memfd_create("secret"), select.epoll().fileno(),
                 os.open("/proc", os.O_RDONLY), os.open("/proc/self/ns/mnt", os.O_RDONLY)]
        ring = ctypes.CDLL(None).syscall(425, 4, ctypes.create_string_buffer(120))
        kinds += [ring] if ring >= 0 else []
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 1000) for fd in kinds if fd >= 0]
        os.closerange(3, 1000)
        for number in (*range(3, 20), *range(100, 201), 900):
            os.dup2(high[number % len(high)], number, inheritable=True)
        os.closerange(1000, 1100)
        resource.setrlimit(resource.RLIMIT_NOFILE, (90, resource.getrlimit(
            resource.RLIMIT_NOFILE)[1]))

    def more(self):
        return {"preexec_fn": self.open_many, "close_fds": False}


class CVE_2024_21626_descriptors(Descriptors):
    """What the caller has open, close-on-exec or not, is open in the container's program."""

    without = [("return ctr__close_rest(3 + c->launch->extra_count, kept);", "return 0;"),
               ("  for (int first = 3;;) {\n    int next = INT_MAX;",
                "  return 0;\n  for (int first = 3;;) {\n    int next = INT_MAX;")]

    def attack(self):
        said = self.probe_self(**self.more())
        return {how: open_ for how, text in said.items()
                if (open_ := set(facts(text, "descriptors")[0].split()) - STREAMS)}


class CVE_2024_21626_in_hooks(Descriptors):
    """The same in the programs that hooks are."""

    without = [("  if (r == 0) r = ctr__close_rest(3, kept);\n", "")]

    def attack(self):
        there = self.bundle / "rootfs/notes"
        there.mkdir()
        outside = {"path": str(self.bundle / "rootfs/probe"), "args": ["probe", "note", str(there)]}
        inside = {"path": "/probe", "args": ["probe", "note", "/notes"]}
        self.default["process"]["args"] = ["/probe", "exit", "0"]
        self.write({f"hooks.{kind}": [{**hook, "args": [*hook["args"], kind]}] for kind, hook in
                    (("prestart", outside), ("createRuntime", outside), ("poststop", outside),
                     ("createContainer", outside), ("startContainer", inside),
                     ("poststart", outside))})
        self.works("run", "--bundle", self.bundle, "one", **self.more())
        notes = {path.name: path.read_text() for path in there.iterdir()
                 if path.name != "order" and not path.name.endswith(".stdin")}
        self.assertEqual(len(notes), 6)
        return {kind: open_ for kind, text in notes.items()
                if (open_ := set(facts(text, "descriptors")[0].split()) - STREAMS)}


# -- environment, keys, terminal --

class Environment_of_the_caller(Leaks):
    """The program has the caller's environment, where secrets are often kept."""

    without = [("execve(path, c->launch->argv, c->launch->envp);",
                "execve(path, c->launch->argv, environ);")]

    def attack(self):
        said = self.probe_self(env=self.with_secret())
        wanted = set(self.default["process"]["env"])
        return {how: set(facts(text, "env")) - wanted for how, text in said.items()
                if set(facts(text, "env")) - wanted}


class Keys_of_the_caller(Leaks):
    """The caller's session keyring is the program's too (keyrings(7))."""

    without = [("long r = CTR__CALL(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL);",
                "long r = 0;")]
    NUMBERS = {"x86_64": (248, 250), "aarch64": (217, 219)}  # add_key, keyctl

    def attack(self):
        name = f"ctr-test-{os.getpid()}".encode()
        libc = ctypes.CDLL(None, use_errno=True)
        if os.uname().machine not in self.NUMBERS:
            self.skipTest("the numbers of add_key(2) and keyctl(2) are not known here")
        add_key, keyctl = self.NUMBERS[os.uname().machine]

        def have_a_key():
            if (libc.syscall(keyctl, 1, None) < 0 or
                    libc.syscall(add_key, b"user", name, b"secret", 6, -3) < 0):
                raise OSError(ctypes.get_errno(), "add_key")
        try:
            own = subprocess.run([self.bundle / "rootfs/probe", "self", name.decode()],
                                 preexec_fn=have_a_key, capture_output=True, text=True)
        except subprocess.SubprocessError:
            self.skipTest("this kernel lets us have no keys")
        self.assertIn("key found", own.stdout)
        said = self.probe_self(name.decode(), preexec_fn=have_a_key)
        return [how for how, text in said.items() if facts(text, "key") == ["found"]]


class CVE_2017_5226(Leaks):
    """The program has the caller's terminal for its own: it can open /dev/tty, and type there what
    the caller's shell then reads (TIOCSTI)."""

    without = [("static int ctr__child_setsid(ctr__child *c, const ctr__step *s) {\n  (void)c;\n"
                "  (void)s;\n  return setsid() < 0 ? -errno : 0;",
                "static int ctr__child_setsid(ctr__child *c, const ctr__step *s) {\n  return 0;")]

    def attack(self):
        self.start("one")
        found = {}
        for word, refused in (("terminal", "controlling ENXIO"), ("tiocsti", "tiocsti E(PERM|IO)")):
            args = ["/probe", word, "x"]
            self.write({**self.own_cgroup(word), "process.args": args})
            for how, command in (("run", ["run", "--bundle", self.bundle, word]),
                                 ("exec", ["exec", "one", *args])):
                said = self.at_a_terminal(*command)
                self.assertIn(refused.split()[0], said)
                if not re.search(f"^{refused}$", said, re.M):
                    found[how] = said
        return found

    def at_a_terminal(self, *command):
        """What a command says whose terminal is a new one."""
        master, slave = os.openpty()
        with open(self.area / "said-there", "wb") as out:
            def take():
                os.setsid()
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            try:
                result = self.runtime(*command, stdin=slave, stdout=out, preexec_fn=take)
                self.assertEqual(result.returncode, 0, result.stderr)
            finally:
                os.close(master)
                os.close(slave)
        return (self.area / "said-there").read_text()


class Null_device_of_the_host(Hole):
    """Files are masked with the host's null device: root inside, who is its owner where there is
    no user namespace, can take it from everybody on the host (chmod(2), chown(2))."""

    without = [("enum { CTR__MASK_ATTR = CTR__ATTR_RDONLY |", "enum { CTR__MASK_ATTR =")]

    def attack(self):
        (self.bundle / "rootfs/masked").touch()
        self.write({"linux.maskedPaths": ["/masked"],
                    "process.args": ["/probe", "give", "0:0:/masked"]})
        said = self.works("run", "--bundle", self.bundle, "one")
        self.assertIn("/masked ", said)
        return "given" in said


class Without_null(Hole):
    """A container whose root has taken its /dev/null away."""

    def begin(self, name, then="true"):
        shutil.copy(BUSYBOX, self.bundle / "rootfs/busybox")
        self.start(name)
        self.works("exec", name, "/busybox", "sh", "-c",
                   f"/busybox rm /dev/null && /busybox {then}")


class Link_for_a_stream_that_is_not_given(Without_null):
    """Who joins a container without a standard input opens /dev/null there with the rights of the
    caller: it is a link to what its root may not open."""

    without = [("s->launch.stdio[i] = fd < 0 ? s->null : fd;", "s->launch.stdio[i] = fd;"),
               ("int fd = i < 3 ? launch->stdio[i] : launch->extra[i - 3];",
                "int fd = i < 3 ? launch->stdio[i] : launch->extra[i - 3];\n"
                'if (fd < 0 && i < 3) fd = ctr__open(AT_FDCWD, "/dev/null", O_RDWR, 0);')]

    def attack(self):
        (self.bundle / "rootfs/secret").write_text("")
        self.begin("one", "ln -s /secret /dev/null")
        joiner = compiled(self.changes, "tests/security/joiner.c")
        result = subprocess.run([joiner, self.root, "one", "/busybox", "readlink",
                                 "/proc/self/fd/0"], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout == "/secret\n"


VIEW = [("if (view < 0) view = ctr__null_by_mount();", "if (view < 0) return 0;")]
GIVE = ["/probe", "give", "0:0:/proc/self/fd/0"]  # to whom it belongs: nothing is changed by it


class Null_device_given_to_exec(Without_null):
    """One more process has the caller's /dev/null as its input: the host's, of which root inside is
    the owner."""

    without = VIEW

    def attack(self):
        self.begin("one")
        return " given" in self.works("exec", "one", *GIVE)


class Null_device_of_its_own(Hole):
    """It is a descriptor of one of the host's file systems; there is one of the container's own."""

    without = [("for (int i = 0; i < 3 && own >= 0; i++)", "for (int i = 0; i < 0; i++)")]

    def attack(self):
        shutil.copy(BUSYBOX, self.bundle / "rootfs/busybox")
        device = ["/busybox", "stat", "-L", "-c", "%d", "/proc/self/fd/0"]
        self.start("one")
        said = [self.works("exec", "one", *device)]
        self.write({**self.own_cgroup("two"), "process.args": device})
        said.append(self.works("run", "--bundle", self.bundle, "two"))
        return os.stat("/dev/null").st_dev in map(int, said)


class Null_device_without_another(Hole):
    """The same where the container's own cannot be opened, or is not there."""

    without = VIEW

    def attack(self):
        (self.area / "dev").mkdir()
        said = []
        for number, mount in enumerate((
                bind(self.area / "dev", "/dev"),
                {"destination": "/dev", "type": "tmpfs", "options": ["nodev"]})):
            config = self.config([mount], drop=["/dev"], process__args=GIVE)
            for path, value in self.own_cgroup(f"two{number}").items():
                change(config, path, value)
            self.path.write_text(json.dumps(config))
            said.append(self.works("run", "--bundle", self.bundle, f"two{number}"))
        return " given" in "".join(said)


class Null_device_that_went_away(Hole):
    """It was certain to be there, and a hook has taken it away."""

    without = [("  if (own < 0 && s->num[0]) return own;\n", "")]

    def attack(self):
        hook = {"path": str(BUSYBOX),
                "args": ["busybox", "rm", str(self.bundle / "rootfs/dev/null")]}
        self.write({"hooks": {"createContainer": [hook]}, "process.args": GIVE})
        return " given" in self.runtime("run", "--bundle", self.bundle, "one").stdout


class Null_device_bound(Hole):
    """In a user namespace nodes are the host's, bound; its root may be mapped."""

    without = [("[2] = in_reach ? CTR__ATTR_RDONLY : 0,", "[2] = 0,")]

    def attack(self):
        ids = [{"containerID": 0, "hostID": 0, "size": 1000}]
        self.default["linux"]["namespaces"].append({"type": "user"})
        self.write({"linux.uidMappings": ids, "linux.gidMappings": ids,
                    "process.args": ["/probe", "give", "0:0:/dev/null"]})
        said = self.works("run", "--bundle", self.bundle, "one")
        self.assertIn("/dev/null ", said)
        return "given" in said


class Null_device_bound_in_a_joined_namespace(Hole):
    """The same by somebody else's user namespace, whose map the config does not have."""

    without = [("? !b->uid_map.count || ctr__has_uid(b, f->node_uid)",
                "? ctr__has_uid(b, f->node_uid)")]

    def attack(self):
        ids = [{"containerID": 0, "hostID": 0, "size": 1000}]
        user = len(self.default["linux"]["namespaces"])
        self.default["linux"]["namespaces"].append({"type": "user"})
        pid = self.create("one", {"linux.uidMappings": ids, "linux.gidMappings": ids})
        self.write({**self.own_cgroup("two"),
                    f"linux.namespaces.{user}.path": f"/proc/{pid}/ns/user",
                    "process.args": ["/probe", "give", "0:0:/dev/null"]})
        said = self.works("run", "--bundle", self.bundle, "two")
        self.assertIn("/dev/null ", said)
        return "given" in said


class Sandbox(Hole):
    """examples/sandbox.c makes its own /dev, or none."""

    options = ()

    def attack(self):
        sandbox = compiled(self.changes, "examples/sandbox.c")
        for place in ("proc", "dev"):
            (self.bundle / "rootfs" / place).mkdir(exist_ok=True)
        said = []
        for more in ([], ["--unshare-user"]):
            result = subprocess.run(
                [sandbox, *more, "--ro-bind", self.bundle / "rootfs", "/", "--proc", "/proc",
                 *self.options], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            said.append(result.stdout)
        return " given" in "".join(said)

    def use(self, runtime):
        pass  # not that program: see attack


class Null_device_given_to_a_sandbox(Sandbox):
    """Without a /dev inside its input is the host's null device."""

    without = VIEW
    options = GIVE


class Nodes_of_a_sandbox(Sandbox):
    """They are the host's, bound."""

    without = [("BIND_DEVICES | BIND_READ_ONLY);", "BIND_DEVICES);", "examples/sandbox/mounts.h")]
    options = ["--dev", "/dev", "/probe", "give", "0:0:/dev/full"]


# -- what the caller is --

class Caller(Hole):
    """A thread of the caller looks at the process while another starts containers."""

    @staticmethod
    def during(before, after):
        """Something that is so only while a start is under way."""
        walk = "if (!code) code = ctr__parent_walk(&s);"
        return [(walk, f"{{ {before}; {walk} {after}; }}")]

    def use(self, runtime):
        pass  # not that program: see attack

    def attack(self):
        program = compiled(self.changes, "tests/security/caller.c", ("-static", "-pthread"))
        result = subprocess.run([program, self.bundle / "rootfs", self.area / "states", "30"],
                                capture_output=True, text=True, timeout=120, cwd=self.area)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout.split()


class Umask_of_the_caller(Caller):
    """Files of other threads are made for everybody to write."""

    without = Caller.during("mode_t was = umask(0)", "umask(was)")


class Cwd_of_the_caller(Caller):
    """Relative paths of other threads mean something else."""

    without = Caller.during('int was = open(".", O_PATH | O_CLOEXEC); chdir("/tmp")',
                            "fchdir(was); close(was)")


class Root_of_the_caller(Caller):
    """Absolute paths of other threads mean something else."""

    # Not all the while: the start would not find anything either.
    without = Caller.during('int was = open("/", O_PATH | O_CLOEXEC); chroot("/tmp"); '
                            'usleep(20000); fchdir(was); chroot("."); close(was)', "")

    def attack(self):
        return "root" in super().attack()


class Handlers_of_the_caller(Caller):
    """A signal that the caller handles does something else."""

    without = Caller.during("struct sigaction was, ours = {.sa_handler = SIG_IGN}; "
                            "sigaction(SIGUSR1, &ours, &was)", "sigaction(SIGUSR1, &was, NULL)")


class Mask_of_the_caller(Caller):
    """A thread that has started something does not hear signals any more."""

    without = [("  if (pid != 0) ctr__sigmask(before, NULL);\n", "")]


class Environment_of_the_caller_itself(Caller):
    """Other threads see another environment."""

    without = Caller.during('char *was = environ[0]; environ[0] = (char *)"CTR=1"',
                            "environ[0] = was")
