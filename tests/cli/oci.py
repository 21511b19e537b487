"""What the tests of the command line share: bundles, runs, and what must be the same after as before."""

import atexit
import copy
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

TOP = Path(os.environ.get("CTR_TOP", Path(__file__).resolve().parents[2]))
BUILD = Path(os.environ.get("CTR_BUILD", TOP / "build"))
ROOT = os.geteuid() == 0
GIVEN = os.environ.get("CTR_CGROUP")  # a cgroup of v2, to an ordinary user (tests/users.py)
DELETE = object()  # as a value: take the member out
STATES = Path(tempfile.mkdtemp(prefix="states."))  # where the containers of these tests are kept
atexit.register(shutil.rmtree, STATES, ignore_errors=True)


def run(*command, stdin="", timeout=120, **kwargs):
    return subprocess.run([str(c) for c in command], input=stdin, text=True, capture_output=True,
                          errors="replace", timeout=timeout, **kwargs)


def ctr_oci(*args, **kwargs):
    return run(BUILD / "ctr-oci", "--root", STATES, *args, **kwargs)


def change(config, path, value):
    """Sets (or takes out) a member: change(c, "linux.namespaces.0.type", "x")."""
    *parents, last = path.split(".")
    at = config
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at.setdefault(name, {})
    if isinstance(at, list):
        last = int(last)
    if value is DELETE:
        del at[last]
    elif isinstance(at, list) and last == len(at):
        at.append(value)
    else:
        at[last] = value


def census(bundle):
    """Everything a failed start could leave behind."""
    def own_processes():
        names = [BUILD / "ctr-oci", bundle / "rootfs/probe"]
        found = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                found += any(os.path.samefile(f"/proc/{pid}/exe", name) for name in names)
                # A child of the runtime that has let go of its file.
                found += (os.readlink(f"/proc/{pid}/exe").startswith("/memfd:ctr ") and
                          Path(f"/proc/{pid}/cmdline").read_bytes().startswith(bytes(names[0])))
            except OSError:
                pass
        return found

    def cgroups():  # where those of the id "test" are made without a linux.cgroupsPath
        return [top for top, _, _ in os.walk("/sys/fs/cgroup") if top.endswith("/ctr-test")]

    return {"processes": own_processes(), "cgroups": cgroups(),
            "mounts": Path("/proc/self/mountinfo").read_text().count("\n"),
            "files": sorted(str(p) for p in [*bundle.rglob("*"), *STATES.rglob("*")])}


class Bundles(unittest.TestCase):
    """A bundle for each test: the default config around a root file system that holds the probe."""

    def setUp(self):
        self.bundle = Path(tempfile.mkdtemp(prefix="bundle."))
        self.bundle.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.bundle, ignore_errors=True)
        (self.bundle / "rootfs").mkdir()
        shutil.copy(BUILD / "container/probe", self.bundle / "rootfs/probe")
        spec = ctr_oci("spec", "--bundle", self.bundle, *([] if ROOT else ["--rootless"]))
        self.assertEqual((spec.returncode, spec.stderr), (0, ""))
        self.path = self.bundle / "config.json"
        self.default = json.loads(self.path.read_text())
        self.default["root"]["readonly"] = False
        self.default["process"]["args"] = ["/probe", "exit", "0"]

    def write(self, changes=None, text=None):
        config = copy.deepcopy(self.default)
        for path, value in (changes or {}).items():
            change(config, path, value)
        self.path.write_text(json.dumps(config) if text is None else text)

    def run_bundle(self, changes=None, *args, **kwargs):
        self.write(changes)
        return ctr_oci("run", "--bundle", self.bundle, *(args or ["test"]), **kwargs)
