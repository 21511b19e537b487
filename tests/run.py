#!/usr/bin/env python3
"""Runs the tests and closes with one line: N passed, N failed, N skipped.

    tests/run.py                          all of them
    tests/run.py --layer unit mounts      of one layer, those files whose name has "mounts"
    tests/run.py --strict --may-skip X    a skip is a failure unless its reason contains X

A test file is a C program (tests/LAYER/test_*.c, built by the Makefile) or a Python unittest
(tests/LAYER/test_*.py); both speak TAP. The layers that make containers run as each user of
users.py, from a copy of the build that all of them can reach. The layer of real engines runs once,
and only as root.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import differences
import users

TESTS = Path(__file__).resolve().parent
LAYERS = {"unit": False, "compile": False, "container": True, "cli": True,
          "security": True, "engines": False}  # True: as each user
SECONDS = 900  # for one file: a test that hangs is a failure; many compilers take their time
RESULT = re.compile(r"^(ok|not ok) \d+ - (.*?)(?: # SKIP (.*))?$")
SAY_IT_THEMSELVES = {"engines"}  # whom a test is for, without the table of differences.h


class Tally:
    def __init__(self, strict, may_skip, everyone):
        self.passed, self.failed, self.skipped = 0, [], 0
        self.strict, self.may_skip, self.everyone = strict, may_skip, everyone
        self.table, self.seen = differences.rows(), {}

    def is_for_others(self, file, name, reason):
        """Another user is meant: no gap, and none at all when everyone runs."""
        return reason.startswith(differences.ONLY_AS) and (
            file.split("/")[0] in SAY_IT_THEMSELVES or
            any(row.names(file, name) for row in self.table))

    def may_be_missing(self, reason):
        return not self.strict or any(part in reason for part in self.may_skip)

    def line(self, line, where):
        match = RESULT.match(line)
        if not match:
            return
        verdict, name, reason = match.groups()
        file = where.split()[0]
        self.seen.setdefault(file, set()).add(name)
        if reason is not None and verdict == "ok":
            others = self.is_for_others(file, name, reason)
            self.skipped += not (others and self.everyone)
            if not others and not self.may_be_missing(reason):
                self.failed.append(f"{where}: {name}: skipped, which must not be here: {reason}")
        elif verdict == "ok":
            self.passed += 1
        else:
            self.failed.append(f"{where}: {name}")

    def users(self, lacking):
        """What no user could be given, if anything."""
        for what, why in lacking.items():
            print(f"# nobody runs the tests with {what}: {why}")
            self.skipped += 1
            if not self.may_be_missing(why):
                self.failed.append(f"no user with {what}: {why}")

    def close(self):
        """The last line, and the status to exit with."""
        self.failed += differences.wrong(self.table, self.seen)
        for failure in self.failed:
            print(f"# failed: {failure}")
        print(f"{self.passed} passed, {len(self.failed)} failed, {self.skipped} skipped")
        return 1 if self.failed or not self.passed else 0


def run_file(command, where, env, user, tally):
    print(f"# {where}", flush=True)
    planned, seen, failed_before = None, 0, len(tally.failed)
    if not os.access(command[0], os.X_OK):
        tally.failed.append(f"{where}: not built")
        return
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               text=True, errors="replace", cwd=env["TMPDIR"],
                               preexec_fn=user.become)
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


def python_for(user):
    """A Python that the user can run: ours may lie in a home directory of root's."""
    pythons = [sys.executable, *(f"{folder}/python3" for folder in os.defpath.split(":"))]
    return next((python for python in pythons if user.can_run([python, "-c", ""])), sys.executable)


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
    (into / "made").mkdir(mode=0o755)  # by the tests of known holes, for all users
    shutil.copytree(TESTS.parent, top, ignore=shutil.ignore_patterns(".git", "build"))
    others = shutil.ignore_patterns("sanitize", "valgrind", "vm", "fuzz")
    shutil.copytree(build, top / "build", ignore=others)
    if bundles.is_dir():
        shutil.copytree(bundles, into / "shared/bundles")
    return top


def environment(user, room, top):
    """The caller's, but for another user nothing that leads to what is the caller's alone."""
    env = dict(os.environ)
    if user.uid >= 0:
        env = {name: value for name, value in env.items() if not name.startswith("XDG_")}
        env["HOME"] = str(room)
    return {**env, **user.env, "TMPDIR": str(room), "CTR_TOP": str(top),
            "CTR_BUILD": str(top / "build"), "CTR_MADE": str(top.parent / "made"),
            "PYTHONDONTWRITEBYTECODE": "1"}


def run_layer(layer, user, parts, top, tally):
    python = python_for(user)
    for name in test_files(layer, parts):
        room = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=top.parent))
        room.chmod(0o755)
        os.chown(room, user.uid, user.gid)
        run_file(command_for(layer, name, top, python), f"{layer}/{name} {user.title}".strip(),
                 environment(user, room, top), user, tally)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=TESTS.parent / "build")
    parser.add_argument("--layer", action="append", choices=sorted(LAYERS))
    parser.add_argument("--strict", action="store_true", help="skips are failures")
    parser.add_argument("--may-skip", action="append", default=[], metavar="TEXT")
    parser.add_argument("parts", nargs="*", help="only files whose name has one of these")
    args = parser.parse_args()
    layers = args.layer or list(LAYERS)
    # A script's "&" lets these be ignored, by all that is started: no test could be sent one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    tally = Tally(args.strict, args.may_skip, os.geteuid() == 0)
    scratch = Path(tempfile.mkdtemp(prefix="ctr-tests."))
    scratch.chmod(0o755)
    try:
        top = staged(args.build.resolve(), scratch)
        with users.people(scratch) as (everybody, lacking):
            if any(LAYERS[layer] for layer in layers):
                tally.users(lacking)
            for layer in layers:
                for user in everybody if LAYERS[layer] else [users.User("")]:
                    run_layer(layer, user, args.parts, top, tally)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
