#!/usr/bin/env python3
"""Runs the unit tests, the container tests and some of the command line in a virtual machine, where
nothing is held back: all capabilities, all controllers, and the cgroup version asked for; as root
and as an ordinary user who has subordinate ids and was given a cgroup of v2 where there is one. Needs no KVM. `make test-vm`
builds the tests, static, and calls this.

    make test-vm                                      boots, runs, says what failed
    make test-vm VM_ARCH=arm64 VM_CGROUP=v1           another machine
    make test-vm VMFLAGS="--layer container mounts"   of one layer, files whose name has "mounts"
    make test-vm VMFLAGS="--lsm selinux labels"       with another security module

What init prints is judged as tests/run.py judges: a skip is a failure, unless it is of a kind that
cannot be otherwise in such a machine.
"""

import argparse
import collections
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import image  # noqa: E402
import run as tests  # noqa: E402
import users  # noqa: E402

Machine = collections.namedtuple("Machine", "compiler kernel console package qemu")
MACHINES = {  # named as Debian does
    "amd64": Machine("x86_64-linux-gnu-gcc", "linux-image-cloud-amd64", "ttyS0", "qemu-system-x86",
                     ["qemu-system-x86_64", "-M", "q35"]),
    "arm64": Machine("aarch64-linux-gnu-gcc", "linux-image-cloud-arm64", "ttyAMA0",
                     "qemu-system-arm", ["qemu-system-aarch64", "-M", "virt", "-cpu", "max"]),
}
QEMU = ["-accel", "tcg", "-smp", "2", "-m", "2G", "-nodefaults", "-display", "none", "-nic", "none",
        "-serial", "stdio", "-no-reboot"]
# An oops and a panic end the machine; only what is as bad as that interrupts what tests say. There
# is nobody to spy on: without mitigations an emulated system call is a fifth cheaper.
KERNEL = "oops=panic panic=-1 loglevel=2 mitigations=off"
LAYERS = ["unit", "container", "cli"]
CLI = ["commands", "events", "exec", "lifecycle", "state", "update"]  # where a cgroup matters
USER = users.FIRST_UID, users.FIRST_UID + 1000  # uid and gid

NO_KIND = "no hierarchy of this kind: "
MAY_SKIP = {
    "v2": [NO_KIND + kind for kind in ("freezer", "pids", "cpuset", "cpuacct", "memory")],
    "v1": [NO_KIND + kind for kind in ("v2", "pids,freezer,v2")],
    "hybrid": ["this hierarchy has no memory controller"],
    "all": ["no locale with a decimal comma", "v2 has the memory controller",
            "the devices controller is not mounted",
            # before Linux 6.3, which Debian 12 does not have
            "this kernel maps no ids of a tmpfs", "takes no id-mapped mounts on this kernel",
            # before Linux 6.7
            "Landlock has version 2, the test needs 4", "Landlock has version 2, the test needs 6"],
    "apparmor": ["SELinux is not here"], "selinux": ["AppArmor is not here"],
}
SECONDS, OF_EACH = 2400, 3 * tests.SECONDS  # for all, and for a file: emulated is slow
TAIL = 40  # lines of the console that are shown when the machine ended early


class Judge:
    """Follows the console: each file of the plan in its turn, with what its tests say."""

    def __init__(self, plan, tally):
        self.waiting, self.tally = collections.deque(plan), tally
        self.where, self.done = None, False
        self.tail = collections.deque(maxlen=TAIL)

    def line(self, line):
        self.tail.append(line)
        mark, _, rest = line.partition(" ")[2].partition(" ") if line.startswith("@ ") else [""] * 3
        if mark == "begin":
            self.begin()
        elif mark == "end":
            self.end(rest)
        elif mark == "done":
            self.done = True
        elif self.where:
            self.test(line)

    def begin(self):
        self.where = self.waiting.popleft()
        self.planned, self.seen, self.failed_before = None, 0, len(self.tally.failed)
        print(f"# {self.where}", flush=True)

    def test(self, line):
        if not line.startswith("ok ") or ("# SKIP" in line and "# SKIP only as " not in line):
            print(line, flush=True)
        self.seen += bool(tests.RESULT.match(line))
        plan = re.match(r"^1\.\.(\d+)$", line)
        self.planned = int(plan.group(1)) if plan else self.planned
        self.tally.line(line, self.where)

    def end(self, status):
        if self.planned != self.seen or (
                status != "0" and len(self.tally.failed) == self.failed_before):
            self.tally.failed.append(f"{self.where}: ended early, with status {status} after "
                                     f"{self.seen} tests")
        self.where = None

    def close(self, why):
        """The machine has ended: was all of it seen?"""
        if self.done and not self.waiting and not self.where:
            return
        print("\n".join(["# the last that it said:", *self.tail]))
        at = f" in {self.where}" if self.where else ""
        self.tally.failed.append(f"the machine ended early{at}: {why}; "
                                 f"{len(self.waiting)} files did not run")


def plan_of(layers, parts):
    """(uid, layer/name) of each run."""
    return [(uid, f"{layer}/{name}") for layer in layers
            for uid in ([0, USER[0]] if tests.LAYERS[layer] else [0])
            for name in tests.test_files(layer, parts)
            if layer != "cli" or name.removeprefix("test_") in CLI]


def command_of(which):
    layer, _, name = which.partition("/")
    if layer == "cli":
        return f"python3 /top/tests/tap.py /top/tests/cli/{name}.py"
    return f"/top/build/{which}"


def title(uid, which):
    each_user = tests.LAYERS[which.split("/")[0]]
    return which + ("" if not each_user else f" as uid {uid}" if uid else " as root")


def initrd(build, system, programs, plan):
    archive = image.Cpio()
    archive.file("init", (HERE / "init").read_bytes(), 0o755)
    busybox, = [path for path in system.rglob("busybox") if path.parent.name == "bin"]
    archive.file("bin/busybox", busybox.read_bytes(), 0o755)
    archive.programs(programs)
    for name, line in users.lines_of(*USER).items():
        root = {"passwd": "root:x:0:0::/root:/bin/sh\n", "group": "root:x:0:\n"}.get(name, "")
        archive.file(f"etc/{name}", f"{root}{line}\n".encode())
    for number, (name, module) in enumerate(image.modules(system).items()):
        archive.file(f"modules/{number:02}-{name}.ko", module)
    for layer in ("unit", "container"):
        archive.tree(f"top/build/{layer}", build / layer)
    archive.file("top/build/ctr-oci", (build / "ctr-oci").read_bytes(), 0o755)
    archive.tree("top/tests", HERE.parent, leave_out=["__pycache__"])
    archive.file("user", "{} {} {}:{}\n".format(*USER, users.UIDS, users.GIDS).encode())
    archive.file("plan", "".join(f"{OF_EACH} {uid} {which} {command_of(which)}\n"
                                 for uid, which in plan).encode())
    return archive.end()


def boot(machine, kernel, archive, words, judge):
    command = [*machine.qemu, *QEMU, "-kernel", str(kernel), "-initrd", str(archive), "-append",
               f"console={machine.console} {KERNEL} {words}"]
    try:
        qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, errors="replace")
    except FileNotFoundError:
        raise image.Missing(f"{command[0]} is not here: install the package {machine.package}")
    timer = threading.Timer(SECONDS, qemu.kill)
    timer.start()
    try:
        for line in qemu.stdout:
            judge.line(line.rstrip("\r\n"))
        status = qemu.wait()
    finally:
        timer.cancel()
        qemu.kill()
    hung = f"it hung, or takes longer than {SECONDS} s"
    judge.close(hung if status < 0 else f"qemu ended with status {status}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", choices=MACHINES, default="amd64")
    parser.add_argument("--show-compiler", action="store_true")
    parser.add_argument("--build", type=Path, help="where the tests were built")
    parser.add_argument("--cgroup", choices=["v2", "v1", "hybrid"], default="v2")
    parser.add_argument("--lsm", choices=["apparmor", "selinux"], default="apparmor")
    parser.add_argument("--layer", action="append", choices=LAYERS)
    parser.add_argument("parts", nargs="*", help="only files whose name has one of these")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # qemu ends with us
    machine = MACHINES[args.arch]
    if args.show_compiler:
        return print(machine.compiler)
    if not args.build:
        parser.error("--build: where were the tests built?")
    of_v2 = args.cgroup == "v2"  # a user's containers have cgroups there without many warnings
    plan = plan_of(args.layer or (LAYERS if of_v2 else ["unit", "container"]), args.parts)
    may_skip = MAY_SKIP[args.cgroup] + MAY_SKIP[args.lsm] + MAY_SKIP["all"]
    tally = tests.Tally(True, may_skip, everyone=True)
    try:
        system = image.system(args.build.resolve(), args.arch, machine.kernel)
        kernel, = system.glob("boot/vmlinuz-*")
        archive = args.build / "initrd"
        programs = image.programs(args.build.resolve(), args.arch)
        archive.write_bytes(initrd(args.build, system, programs, plan))
        boot(machine, kernel, archive, f"cgroup={args.cgroup} security={args.lsm}",
             Judge([title(*run) for run in plan], tally))
    except image.Missing as missing:
        print(f"test-vm: {missing}", file=sys.stderr)
        return 1
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
