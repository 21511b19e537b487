"""What the tests of examples/sandbox.c share: runs of it, and of bubblewrap with its options."""

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from oci import BUILD

SANDBOX = BUILD / "sandbox"
BWRAP = shutil.which("bwrap")
PYTHON = "/usr/bin/python3"  # one that is there when /usr is
PROBE = Path(__file__).with_name("sandbox_probe.py")
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C"}


def system():
    """Options for the programs of this machine, whether its /bin is in /usr or not."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if os.path.islink(f"/{name}"):
            options += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        elif os.path.isdir(f"/{name}"):
            options += ["--ro-bind", f"/{name}", f"/{name}"]
    return options


ANSWER_EPERM, KILL = 0x00050001, 0  # what becomes of a system call: seccomp(2)


def filter_program(denied, action=ANSWER_EPERM):
    """A seccomp filter for the system calls of these numbers."""
    load_number = struct.pack("HBBI", 0x20, 0, 0, 0)
    tests = [struct.pack("HBBI", 0x15, 0, 1, number) + struct.pack("HBBI", 0x06, 0, 0, action)
             for number in denied]
    return load_number + b"".join(tests) + struct.pack("HBBI", 0x06, 0, 0, 0x7fff0000)


class Descriptors:
    """Files with these contents, open under these numbers, from their beginning."""

    def __init__(self, contents):
        self.contents = contents

    def __enter__(self):
        for number, content in self.contents.items():
            with tempfile.TemporaryFile() as file:
                file.write(content if isinstance(content, bytes) else content.encode())
                file.seek(0)
                os.dup2(file.fileno(), number)
        return tuple(self.contents)

    def __exit__(self, *_):
        for number in self.contents:
            os.close(number)


def high(fd):
    """The same descriptor under a number that nobody else takes."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD, 60)
    os.close(fd)
    return moved


class Sandboxes(unittest.TestCase):
    """A directory for each test that any user can look into, with an empty home in it."""

    def setUp(self):
        self.room = Path(tempfile.mkdtemp(prefix="sandbox."))
        self.room.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.room, ignore_errors=True)
        (self.room / "home").mkdir()

    def run_tool(self, tool, *words, fds=None, env=None, stdin="", pass_fds=(), **kwargs):
        kwargs.setdefault("cwd", self.room)
        with Descriptors(fds or {}) as numbers:
            return subprocess.run([str(w) for w in (tool, *words)], input=stdin, text=True,
                                  capture_output=True, errors="replace", timeout=120,
                                  pass_fds=(*numbers, *pass_fds),
                                  env={**ENV, "HOME": str(self.room / "home"), **(env or {})},
                                  **kwargs)

    def start(self, *words, env=None, **kwargs):
        """A sandbox beside us, whose program should end when its input does: so nothing stays."""
        process = subprocess.Popen([str(w) for w in (SANDBOX, *words)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, env={**ENV, **(env or {})}, **kwargs)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        return process

    def sandbox(self, *words, **kwargs):
        return self.run_tool(SANDBOX, *words, **kwargs)

    def inside(self, *words, **kwargs):
        """What it says that runs in a sandbox which must come about."""
        result = self.sandbox(*words, **kwargs)
        self.assertEqual((result.returncode, result.stderr), (0, ""), words)
        return result.stdout
