#!/usr/bin/env python3
"""ctr-oci and unit tests under valgrind: no leak, no invalid or uninitialised access on the caller's
side. A container is made, entered, measured, paused, killed and deleted, a command of ctr-oci at a
time; its processes are followed up to what they execute, and what they report is not looked at.

    tests/analysis/memcheck.py BUILD     what `make test-valgrind` has built there
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BUILD = Path(sys.argv[1]).resolve()
FOUND = 97
VALGRIND = ("valgrind", "-q", "--child-silent-after-fork=yes", "--trace-children=no",
            "--leak-check=full", f"--error-exitcode={FOUND}")
UNITS = {path.stem for path in Path(__file__).resolve().parents[1].glob("unit/test_*.c")}
NOT_RUN = {
    "test_devices": "long: minutes",
    "test_nomem": "long: half a minute of processor time",
    "test_protocol": "sets limits of descriptors, of which valgrind keeps some for itself",
    "test_seccomp": "long: minutes",
    "test_state_file": "sets limits of descriptors, of which valgrind keeps some for itself",
}


class Memcheck:
    def __init__(self, area):
        self.area, self.failed, self.passed = Path(area), [], 0
        self.env = {**os.environ, "TMPDIR": str(area), "LD_PRELOAD": str(BUILD / "valgrind.so")}

    def run(self, *command, status=0):
        """To files: what stays behind, the container, would keep a pipe open."""
        what = " ".join(Path(str(word)).name for word in command[:1] + command[3:])
        with open(self.area / "said", "w+", encoding="utf-8", errors="replace") as said:
            result = subprocess.run([*VALGRIND, *map(str, command)], env=self.env, cwd=self.area,
                                    stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                    timeout=300, check=False)
            said.seek(0)
            text = said.read()
        good = result.returncode == status
        self.passed += good
        self.failed += [] if good else [what]
        print(f"{'ok' if good else 'not ok'} - {what}")
        if not good:
            print(f"# status {result.returncode}, should be {status}\n{text}")

    def oci(self, *words, status=0):
        self.run(BUILD / "ctr-oci", "--root", self.area / "states", *words, status=status)

    def bundle(self):
        """Without rlimits: valgrind has its own. With ids that are not root's: no step then hides
        the program, which is valgrind here and cannot be."""
        where = self.area / "bundle"
        (where / "rootfs").mkdir(parents=True)
        shutil.copy(BUILD / "container/probe", where / "rootfs/probe")
        self.oci("spec", "--bundle", where)
        config = json.loads((where / "config.json").read_text())
        del config["process"]["rlimits"]
        config["process"]["args"] = ["/probe", "hear"]
        config["linux"]["namespaces"].append({"type": "user"})
        for kind in ("uidMappings", "gidMappings"):
            config["linux"][kind] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        for path in (where / "rootfs", where / "rootfs/probe"):
            os.chown(path, 100000, 100000)
        (where / "config.json").write_text(json.dumps(config))
        return where

    def container(self):
        bundle = self.bundle()
        self.oci("explain", "--bundle", bundle)
        self.oci("run", "--bundle", bundle, "memcheck-run", "--", "/probe", "exit", "7", status=7)
        self.oci("run", "--bundle", bundle, "memcheck-bad", "--", "/none", status=1)
        name = "memcheck"
        self.oci("create", "--bundle", bundle, name)
        self.oci("start", name)
        self.oci("state", name)
        self.oci("exec", name, "/probe", "exit", "3", status=3)
        self.oci("ps", name)
        self.oci("events", "--stats", name)
        self.oci("pause", name)
        self.oci("resume", name)
        self.oci("list")
        self.oci("kill", name, "KILL")
        self.oci("delete", "--force", name)


def main():
    if NOT_RUN.keys() - UNITS:
        sys.exit(f"NOT_RUN names what is not there: {NOT_RUN.keys() - UNITS}")
    with tempfile.TemporaryDirectory(prefix="memcheck.") as area:
        check = Memcheck(area)
        check.container()
        for unit in sorted(UNITS - NOT_RUN.keys()):
            check.run(BUILD / "unit" / unit)
    for unit, why in NOT_RUN.items():
        print(f"# not run: {unit}: {why}")
    print(f"{check.passed} passed, {len(check.failed)} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
