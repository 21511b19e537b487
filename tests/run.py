#!/usr/bin/env python3
"""Runs the tests and closes with one line: N passed, N failed, N skipped.

    tests/run.py                          all of them
    tests/run.py --layer unit mounts      of one layer, those files whose name has "mounts"
    tests/run.py --strict --may-skip X    a skip is a failure unless its reason contains X

A test file is a C program (tests/LAYER/test_*.c, built by the Makefile) or a Python unittest
(tests/LAYER/test_*.py); both speak TAP. The layers that make containers run twice when we are
root: as root, and as an ordinary user, from a copy of the build that such a user can reach. The
layer of real engines runs once, and only as root.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

TESTS = Path(__file__).resolve().parent
LAYERS = {"unit": False, "compile": False, "container": True, "cli": True,
          "engines": False}  # True: as each user
ORDINARY = 1000  # a uid and gid that need no entry in /etc/passwd
SECONDS = 300  # for one file: a test that hangs is a failure
RESULT = re.compile(r"^(ok|not ok) \d+ - (.*?)(?: # SKIP (.*))?$")
ONLY_AS = "only as "  # another user is meant: no gap, and none at all when both run


class Tally:
    def __init__(self, strict, may_skip, both_users):
        self.passed, self.failed, self.skipped = 0, [], 0
        self.strict, self.may_skip, self.both_users = strict, may_skip, both_users

    def excused(self, reason):
        if reason.startswith(ONLY_AS):
            return True
        return not self.strict or any(part in reason for part in self.may_skip)

    def line(self, line, where):
        match = RESULT.match(line)
        if not match:
            return
        verdict, name, reason = match.groups()
        if reason is not None and verdict == "ok":
            self.skipped += not (reason.startswith(ONLY_AS) and self.both_users)
            if not self.excused(reason):
                self.failed.append(f"{where}: {name}: skipped, which must not be here: {reason}")
        elif verdict == "ok":
            self.passed += 1
        else:
            self.failed.append(f"{where}: {name}")


def become(uid):
    def demote():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    return demote


def run_file(command, where, env, uid, tally):
    print(f"# {where}", flush=True)
    planned, seen, failed_before = None, 0, len(tally.failed)
    if not os.access(command[0], os.X_OK):
        tally.failed.append(f"{where}: not built")
        return
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               text=True, errors="replace", cwd=env["TMPDIR"],
                               preexec_fn=become(uid) if uid else None)
    timer = threading.Timer(SECONDS, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            line = line.rstrip("\n")
            if not line.startswith("ok ") or "# SKIP" in line:
                print(line, flush=True)
            seen += bool(RESULT.match(line))
            plan = re.match(r"^1\.\.(\d+)", line)
            planned = int(plan.group(1)) if plan else planned
            tally.line(line, where)
        status = process.wait()
    finally:
        timer.cancel()
    if planned != seen or (status != 0 and len(tally.failed) == failed_before):
        tally.failed.append(f"{where}: ended early, with status {status} after {seen} tests")


def python_for(uid):
    """A Python that the user can run: ours may lie in a home directory of root's."""
    for python in [sys.executable, *(f"{folder}/python3" for folder in os.defpath.split(":"))]:
        try:
            if not subprocess.run([python, "-c", ""], preexec_fn=become(uid)).returncode:
                return python
        except OSError:
            continue
    return sys.executable


def command_for(layer, name, top, python):
    script = top / "tests" / layer / f"{name}.py"
    if script.exists():
        return [python, str(top / "tests/tap.py"), str(script)]
    return [str(top / "build" / layer / name)]


def test_files(layer, parts):
    names = sorted({p.stem for p in (TESTS / layer).glob("test_*") if p.suffix in (".c", ".py")})
    return [n for n in names if not parts or any(part in n for part in parts)]


def staged(build, into):
    """A copy of the tree and of what was built that any user can read and run; and of the real
    tools' bundles, which lie beside the tree on some machines."""
    top = into / "top"
    bundles = TESTS.parent.parent / "shared/bundles"
    shutil.copytree(TESTS.parent, top, ignore=shutil.ignore_patterns(".git", "build"))
    shutil.copytree(build, top / "build", ignore=shutil.ignore_patterns("sanitize", "vm"))
    if bundles.is_dir():
        shutil.copytree(bundles, into / "shared/bundles")
    return top


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=TESTS.parent / "build")
    parser.add_argument("--layer", action="append", choices=sorted(LAYERS))
    parser.add_argument("--strict", action="store_true", help="skips are failures")
    parser.add_argument("--may-skip", action="append", default=[], metavar="TEXT")
    parser.add_argument("parts", nargs="*", help="only files whose name has one of these")
    args = parser.parse_args()
    root = os.geteuid() == 0
    tally = Tally(args.strict, args.may_skip, root)
    scratch = Path(tempfile.mkdtemp(prefix="ctr-tests."))
    scratch.chmod(0o755)
    try:
        top = staged(args.build.resolve(), scratch)
        for layer in args.layer or LAYERS:
            for uid in ([0, ORDINARY] if root else [os.geteuid()]) if LAYERS[layer] else [None]:
                demoted = uid if root and uid else None
                python = python_for(demoted) if demoted else sys.executable
                for name in test_files(layer, args.parts):
                    user = "" if uid is None else " as root" if uid == 0 else f" as uid {uid}"
                    room = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=scratch))
                    room.chmod(0o755)
                    if demoted:
                        os.chown(room, demoted, demoted)
                    env = {**os.environ, "TMPDIR": str(room), "CTR_TOP": str(top),
                           "CTR_BUILD": str(top / "build"), "PYTHONDONTWRITEBYTECODE": "1"}
                    run_file(command_for(layer, name, top, python), f"{layer}/{name}{user}", env,
                             demoted, tally)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for failure in tally.failed:
        print(f"# failed: {failure}")
    print(f"{tally.passed} passed, {len(tally.failed)} failed, {tally.skipped} skipped")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
