"""What the tests of known holes share: each is tried on the runtime, where it must not be there,
and on one that is the same but for its defence, where the same attack must get through: a test
that cannot see the hole proves nothing.

    class CVE_2099_1(Hole):
        '''What the hole is, in one sentence.'''
        without = [("text of ctr.h", "what stands there without the defence")]

        def attack(self):
            ...  # with self.works(), self.runtime(), self.create() ...
            return "what the attacker got"  # anything true; nothing if it held

The rows of shared/reference/security.md have their names from the classes here.
"""

import atexit
import ctypes
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(os.environ.get("CTR_TOP", Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(TOP / "tests/cli"))

from lifecycle import ROOT, Containers  # noqa: E402
from oci import change  # noqa: E402
import lifecycle  # noqa: E402

CC = os.environ.get("CC", "cc")
OWN = Path(tempfile.mkdtemp(prefix="weakened."))
OWN.chmod(0o755)
atexit.register(shutil.rmtree, OWN, ignore_errors=True)
# What the user made who ran these tests before us; only the first can write there.
MADE = Path(os.environ.get("CTR_MADE", OWN))

SECRET = "CTR_TEST_SECRET=of the caller"
# Changes: no filter is made; who runs hooks of the container can be looked into.
NO_FILTER = ("if (!b->config->linux_.seccomp.defaultAction) return CTR_OK;", "return CTR_OK;")
SEEN_BY_HOOKS = ("if (!b->is_unseen) ctr__child_step(b, UNDUMPABLE, "
                 ".field = \"hooks.startContainer\");", "")
# What root starts can be looked into, but where that has another reason not to be.
GUARDED = ("return b->facts->is_pid_root && (b->facts->caps & CTR_CAP(SYS_PTRACE));",
           "return false;")
# As if the machine had modules for labels.
BELIEVES = [("facts->selinux = ctr__has_selinux(&arena);", "facts->selinux = true;"),
            ("facts->profile_missing = facts->apparmor && "
             "ctr__profile_is_missing(&arena, profile);", "facts->apparmor = true;")]
# Changes: only new file systems are seen to lie above what is masked.
BINDS_ARE_PASSED_OVER = [("if (!ctr__is_covered(path, over)) continue;",
                          "if (!ctr__is_covered(path, over) || step->kind == CTR__STEP_MOUNT_BIND) "
                          "continue;")]
# Changes: what is written in the name of the kernel goes to what is /proc for the process.
WRITTEN_BY_PATH = [("int r = ctr__write_proc(c->proc, path, text, strlen(text));",
                    "char named[PATH_MAX];\n"
                    "  ctr__put_str(ctr__put_str(named, \"/proc/\"), path);\n"
                    "  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, named, O_WRONLY, 0);\n"
                    "  int r = fd < 0 ? fd : ctr__write_all(fd, text, strlen(text));")]


def changed(changes, source, folder):
    """A copy of the sources with changes in it. Each text stands there once."""
    shutil.copytree((TOP / source).parent, (folder / source).parent)
    shutil.copy(TOP / "ctr.h", folder)
    for old, new, *file in changes:
        path = folder / (file[0] if file else "ctr.h")
        text = path.read_text()
        if text.count(old) != 1:
            raise AssertionError(f"{path.name} has {text.count(old)} times: {old}")
        path.write_text(text.replace(old, new))


@functools.cache
def compiled(changes, source, options=("-static",), name=None):
    """A program of examples/ or tests/ made with changes to ctr.h, or to the file named third of
    those beside it."""
    key = hashlib.sha256(repr((changes, source, options, CC)).encode()).hexdigest()[:16]
    program = MADE / key / (name or Path(source).stem)
    if program.exists():
        return program
    into = MADE if os.access(MADE, os.W_OK) else OWN
    folder = Path(tempfile.mkdtemp(dir=into))
    folder.chmod(0o755)
    changed(changes, source, folder)
    # The folder comes first: examples include "ctr.h" beside them or by -I.
    subprocess.run([CC, "-std=gnu11", "-O0", "-w", *options, "-I", folder, "-I", TOP,
                    folder / source, "-o", folder / program.name], check=True, capture_output=True,
                   text=True)
    try:
        return folder.rename(into / key) / program.name
    except OSError:  # another test made it meanwhile
        return folder / program.name


def bind(source, destination, *options):
    return {"destination": destination, "type": "bind", "source": str(source),
            "options": ["rbind", *options]}


def weakened(*changes):
    """A ctr-oci without a defence."""
    return compiled(tuple(changes), "examples/oci.c", name="ctr-oci")


class Watch:
    """A file that is seen to be opened to be written to, by whomever: inotify(7)."""

    CLOSED = 8  # IN_CLOSE_WRITE: before Linux 6.10 to open it with O_PATH was IN_OPEN as well

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, os.fsencode(path), self.CLOSED) < 0:
            raise OSError(ctypes.get_errno(), f"inotify: {path}")

    def opened(self):
        try:
            return bool(os.read(self.fd, 65536))
        except BlockingIOError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        os.close(self.fd)


class Hole(Containers):
    """One known hole: attack() says what an attacker got."""

    without = None  # [(text of ctr.h, what stands there without the defence)]
    already = ()  # the same of another defence, which neither has: this one holds alone
    changes = ()  # those that the test under way is about
    filtered = False  # the default filter is one more defence, which the others do without

    def __init_subclass__(cls, **kwargs):
        """Every hole is tried on both; one without changes is a class to share. The same attack
        elsewhere is a hole of its own, and not both."""
        super().__init_subclass__(**kwargs)
        if cls.without is None:
            return
        for name in (base.__name__ for base in cls.__mro__[1:]):
            setattr(cls, f"test_{name}_holds", None)
            setattr(cls, f"test_{name}_is_there_without_its_defence", None)
        name = cls.__name__
        setattr(cls, f"test_{name}_holds", lambda self: self.check_holds())
        setattr(cls, f"test_{name}_is_there_without_its_defence", lambda self: self.check_opens())

    def try_without(self, *changes):
        self.changes = changes
        if changes:
            self.use(weakened(*changes))
        return self.attack()

    def check_holds(self):
        self.assertFalse(self.try_without(*self.already))

    def check_opens(self):
        self.assertTrue(self.try_without(*self.already, *self.without),
                        "the attack does not work: this test proves nothing")

    def setUp(self):
        super().setUp()
        if not self.filtered:
            self.default.get("annotations", {}).pop("ctr.seccomp", None)

    def with_secret(self):
        """What a caller has in its environment, and is nobody's business."""
        return {**os.environ, **dict([SECRET.split("=")])}

    def config(self, mounts=(), drop=(), **changes):
        """The default one with more mounts, without those at certain destinations, and with values
        changed: linux__devices is linux.devices."""
        config = json.loads(json.dumps(self.default))
        config["mounts"] = [mount for mount in config["mounts"]
                            if not mount["destination"].startswith(tuple(drop) or "-")]
        config["mounts"] += mounts
        for path, value in changes.items():
            change(config, path.replace("__", "."), value)
        return config

    def use(self, runtime):
        """Another runtime for the rest of this test."""
        before = lifecycle.RUNTIME
        lifecycle.RUNTIME = runtime
        self.addCleanup(setattr, lifecycle, "RUNTIME", before)

    def attack(self):
        raise NotImplementedError
