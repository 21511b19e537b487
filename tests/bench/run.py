#!/usr/bin/env python3
"""Measures the start of a container against the bare system calls, and against other runtimes.

    tests/bench/run.py --build build         a table: median, spread, ratio to the floor, memory
    tests/bench/run.py --json FILE           the numbers as well
    tests/bench/run.py --check               fails when ctr.h takes more than 1.5 times the floor

Everybody starts the same static /bin/true from the same default bundle (ctr-oci spec); the floor
(floor.c) makes by hand what that bundle asks for and nothing else. Round robin, in an order that
changes every round, so that a slow moment of the machine hits everybody alike. As an ordinary user
the bundle is the rootless one.
"""

import argparse
import contextlib
import ctypes
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMIT = 1.5  # what --check allows, times the floor
BUSY = 0.5  # processes that run at the same time, from which on others disturb
LOOP = 10  # starts a round of those that start in a loop
SETTLE = 0.01  # seconds between two contestants: the kernel takes namespaces down in the background
FLOOR, CLI, API, SEALED = "floor", "ctr-oci run", "ctr_run()", "ctr_run(), sealed copy"
IN_PROCESS, FRESH = "in one process", "a fresh process each time"
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
CONTAINER = f"ctr-bench-{os.getpid()}"
libc = ctypes.CDLL(None, use_errno=True)


class Contestant:
    def __init__(self, group, name, argv, unequal="", mounts=None):
        self.group, self.name, self.argv, self.unequal = group, name, argv, unequal
        self.mounts = mounts  # a mount namespace to be started in, or None
        self.nanoseconds, self.peak = [], 0

    def run(self, spawn):
        """One turn. Returns what went wrong, or None."""
        with in_mounts(self.mounts):
            done = subprocess.run([spawn, "1", *self.argv], capture_output=True, text=True,
                                  cwd="/", stdin=subprocess.DEVNULL)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            return said[-1] if said else f"exit status {done.returncode}"
        lines = [line.split() for line in done.stdout.splitlines()]
        runs = [line for line in lines if line[0] == "run"]
        loop = [int(line[0]) for line in lines if line[0] != "run"]
        self.nanoseconds += loop if self.group == IN_PROCESS else [int(runs[0][1])]
        self.peak = max(self.peak, int(runs[0][2]))
        return None

    def quantile(self, part):
        ordered = sorted(self.nanoseconds)
        return ordered[min(int(len(ordered) * part), len(ordered) - 1)] / 1000


@contextlib.contextmanager
def in_mounts(namespace):
    """A mount namespace to be in for a while, if any: entered before the stopwatch starts."""
    if namespace is None:
        yield
        return
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc_call("setns", namespace, CLONE_NEWNS)
        yield
    finally:
        libc_call("setns", home, CLONE_NEWNS)
        os.close(home)


def libc_call(name, *args):
    if getattr(libc, name)(*args) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


# -- what is run --


def compile_c(source, to):
    """Static where there is a static libc. Returns whether it is."""
    cc = [os.environ.get("CC", "cc"), "-O2", "-o", to, source]
    if subprocess.run(cc + ["-static"], stderr=subprocess.DEVNULL).returncode == 0:
        return True
    subprocess.run(cc, check=True)
    return False


def make_rootfs(root):
    """A root that holds /bin/true, and the libraries it needs where it could not be made static."""
    for name in ("bin", "dev", "etc", "proc", "run", "sys", "tmp"):
        (root / name).mkdir(parents=True)
    source = root.parent / "true.c"
    source.write_text("int main(void) { return 0; }\n")
    if compile_c(source, root / "bin/true"):
        return
    listed = subprocess.run(["ldd", root / "bin/true"], capture_output=True, text=True, check=True)
    for word in listed.stdout.split():
        if word.startswith("/"):
            to = root / word.lstrip("/")
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(word, to)


def make_bundle(ctr_oci, bundle, root):
    """The default bundle with /bin/true as its program. Returns its config."""
    bundle.mkdir()
    rootless = ["--rootless"] if os.geteuid() else []
    subprocess.run([ctr_oci, "spec", "--bundle", bundle, *rootless], check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["root"]["path"] = str(root)
    config["process"]["args"] = ["/bin/true"]
    write_config(bundle, config)
    return config


def write_config(bundle, config):
    bundle.mkdir(exist_ok=True)
    (bundle / "config.json").write_text(json.dumps(config, indent=1))


def hide_cgroup2():
    """A mount namespace without the cgroup2 of a hybrid machine, or None.

    crun refuses such a machine when that hierarchy has controllers. Nobody else sees this, and it
    is gone with us."""
    unified = "/sys/fs/cgroup/unified"
    if os.geteuid() or not os.path.exists(unified + "/cgroup.controllers"):
        return None
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    libc_call("unshare", CLONE_NEWNS)
    libc_call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    libc_call("mount", b"tmpfs", unified.encode(), b"tmpfs", 0, None)
    hidden = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    libc_call("setns", home, CLONE_NEWNS)
    os.close(home)
    return hidden


def bwrap_argv(root):
    rights = ["--cap-drop", "ALL"]
    for cap in ("CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_AUDIT_WRITE"):
        rights += ["--cap-add", cap]
    return ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
            "--unshare-cgroup", "--as-pid-1", "--new-session", "--die-with-parent", *rights,
            "--hostname", "ctr", "--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev",
            "--mqueue", "/dev/mqueue", "--ro-bind", "/sys", "/sys", "--tmpfs", "/tmp",
            "--tmpfs", "/run", "/bin/true"]


def other_runtimes(work, config):
    """The same config, but for a version they know and a cgroup at the top: one below our own would
    meddle with what somebody else watches."""
    root = os.geteuid() == 0
    config["ociVersion"] = "1.0.2"
    if root:
        config["linux"]["cgroupsPath"] = "/" + CONTAINER
    write_config(work / "other", config)
    operands = ["run", "--bundle", str(work / "other"), CONTAINER]
    crun, runc = ["crun", "--root", str(work / "crun")], ["runc", "--root", str(work / "runc")]
    cgroup = "makes a cgroup in every hierarchy, ours in one; " if root else ""
    sees = state = "keeps state on disk"
    hidden = hide_cgroup2()
    if hidden is not None:
        sees += "; /sys/fs/cgroup/unified is hidden from it: it would refuse to run"
    return [
        Contestant(FRESH, "crun, no cgroup", [*crun, "--cgroup-manager=disabled", *operands],
                   sees, hidden),
        Contestant(FRESH, "crun", [*crun, "--cgroup-manager=cgroupfs", *operands],
                   cgroup + sees, hidden),
        Contestant(FRESH, "runc", [*runc, *operands], cgroup + state),
        Contestant(FRESH, "bwrap", bwrap_argv(config["root"]["path"]),
                   "masks nothing; binds the host's /sys; no cgroup mount, no limits, no keyring"),
    ]


def contestants(build, work):
    root, bundle = work / "rootfs", work / "ours"
    make_rootfs(root)
    config = make_bundle(build / "ctr-oci", bundle, root)
    floor = [str(build / "bench/floor"), str(root)]
    api = [str(build / "bench/api"), str(bundle), str(LOOP)]
    return [
        Contestant(IN_PROCESS, FLOOR, [*floor, str(LOOP)]),
        Contestant(IN_PROCESS, API, api),
        Contestant(IN_PROCESS, SEALED, [*api, "sealed"],
                   "its program is in memory (ctr_seal_program), and not kept out of reach"),
        Contestant(FRESH, "no container", [str(root / "bin/true")]),
        Contestant(FRESH, FLOOR, [*floor, "1"]),
        Contestant(FRESH, CLI, [str(build / "ctr-oci"), "run", "--bundle", str(bundle), CONTAINER]),
        *other_runtimes(work, config),
    ]


# -- measuring --


def try_out(all_of_them, spawn):
    """Everybody once, uncounted. Returns those that can, and why the others cannot."""
    able, left_out = [], {}
    for one in all_of_them:
        problem = one.run(spawn) if shutil.which(one.argv[0]) else "not installed"
        if problem:
            left_out[one.name] = problem
        else:
            one.nanoseconds.clear()
            able.append(one)
    return able, left_out


def measure(able, spawn, rounds):
    order, shuffle = list(able), random.Random(1).shuffle
    for _ in range(rounds):
        shuffle(order)
        for one in order:
            problem = one.run(spawn)
            if problem:
                sys.exit(f"bench: {one.name}: {problem}")
            time.sleep(SETTLE)


def clean_up(work):
    """The runtimes take away what they made; when we are interrupted, they may not have."""
    for runtime in ("crun", "runc"):
        if (work / runtime / CONTAINER).exists():
            subprocess.run([runtime, "--root", work / runtime, "delete", "--force", CONTAINER],
                           stderr=subprocess.DEVNULL)
    for pattern in (CONTAINER, "*/" + CONTAINER):
        for cgroup in Path("/sys/fs/cgroup").glob(pattern):
            cgroup.rmdir()


# -- telling --


def floor_of(able, group):
    return next((c.quantile(0.5) for c in able if (c.group, c.name) == (group, FLOOR)), None)


def as_rows(able):
    for one in able:
        floor = floor_of(able, one.group)
        median = one.quantile(0.5)
        yield {"group": one.group, "name": one.name, "starts": len(one.nanoseconds),
               "median_us": median, "p10_us": one.quantile(0.1), "p90_us": one.quantile(0.9),
               "times_floor": round(median / floor, 3) if floor else None, "peak_kib": one.peak,
               "not_equal": one.unequal}


def print_table(rows, left_out, rounds):
    who = "an ordinary user, rootless" if os.geteuid() else "root"
    print(f"/bin/true in the default container, as {who}: {rounds} rounds; "
          f"Linux {platform.release()}, {os.cpu_count()} processors")
    for group in (IN_PROCESS, FRESH):
        print(f"\n  {group:<26}{'median':>9} us{'p10':>9}{'p90':>9}{'x floor':>10}{'peak KiB':>10}")
        for row in sorted((r for r in rows if r["group"] == group), key=lambda r: r["median_us"]):
            ratio = f"{row['times_floor']:.2f}" if row["times_floor"] else "-"
            print(f"    {row['name']:<24}{row['median_us']:>9.0f}   {row['p10_us']:>9.0f}"
                  f"{row['p90_us']:>9.0f}{ratio:>10}{row['peak_kib']:>10}")
    print("\n  peak KiB: the largest resident set among its processes, from wait4(2):\n"
          "  at times some 200 KiB too little, because the kernel counts in batches")
    for row in rows:
        if row["not_equal"]:
            print(f"  not equal: {row['name']}: {row['not_equal']}")
    for name, problem in left_out.items():
        print(f"  left out: {name}: {problem}")


def too_slow(rows):
    """Who of ours is over the limit, or could not be measured."""
    for group, name in ((IN_PROCESS, API), (FRESH, CLI)):
        ratio = next((r["times_floor"] for r in rows if (r["group"], r["name"]) == (group, name)),
                     None)
        if ratio is None or ratio > LIMIT:
            yield f"{name}: {ratio or 'not measured'}, more than {LIMIT} times the floor"


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where make built")
    parser.add_argument("--rounds", type=int, default=100, help="turns of everybody")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the numbers to FILE")
    parser.add_argument("--check", action="store_true", help=f"fail above {LIMIT} times the floor")
    opts = parser.parse_args()
    opts.build = opts.build.resolve()
    return opts


def main():
    opts = parse_args()
    if os.getloadavg()[0] > BUSY:
        print(f"the machine is busy (load {os.getloadavg()[0]}): compare with care")
    work = Path(tempfile.mkdtemp(prefix="ctr-bench-"))
    os.chmod(work, 0o755)
    try:
        spawn = work / "spawn"
        compile_c(HERE / "spawn.c", spawn)
        able, left_out = try_out(contestants(opts.build, work), spawn)
        measure(able, spawn, opts.rounds)
    finally:
        clean_up(work)
        shutil.rmtree(work)
    rows = list(as_rows(able))
    print_table(rows, left_out, opts.rounds)
    if opts.json:
        opts.json.write_text(json.dumps({"kernel": platform.release(), "processors": os.cpu_count(),
                                         "uid": os.geteuid(), "rounds": opts.rounds,
                                         "results": rows, "left_out": left_out}, indent=1) + "\n")
    slow = list(too_slow(rows)) if opts.check else []
    for line in slow:
        print("bench: " + line, file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
