"""update: limits of a container that is there, from flags and from JSON, all of them or none.

What each field of linux.resources is written to: tests/unit/test_plan_limits.c."""

import json
import os
from pathlib import Path

from lifecycle import Containers

MIB = 1 << 20
# What is looked at: file of v1 and of v2, and what is taken out of its text.
FILES = {"memory": ("memory.limit_in_bytes", "memory.max"),
         "swap": ("memory.memsw.limit_in_bytes", "memory.swap.max"),
         "pids": ("pids.max", "pids.max"),
         "quota": ("cpu.cfs_quota_us", "cpu.max"),
         "period": ("cpu.cfs_period_us", "cpu.max"),
         "burst": ("cpu.cfs_burst_us", "cpu.max.burst"),
         "shares": ("cpu.shares", "cpu.weight"),
         "cpus": ("cpuset.cpus", "cpuset.cpus"),
         "reservation": ("memory.soft_limit_in_bytes", "memory.low"),
         "huge": ("hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max")}


class Updated(Containers):
    def setUp(self):
        super().setUp()
        self.resources = {"memory": {"limit": 64 * MIB, "swap": 64 * MIB}, "pids": {"limit": 100},
                          "cpu": {"quota": 20000, "burst": 5000, "shares": 512}}

    def cgroup_files(self):
        return [path / name for path in self.cgroups() for name in os.listdir(path)]

    def limits(self):
        """{what: value}, in terms of v1 where swap and memory are one."""
        there = {path.name: path for path in self.cgroup_files()}
        found = {}
        for what, (v1, v2) in FILES.items():
            path = there.get(v1) or there.get(v2)
            text = path.read_text().strip() if path else None
            if path and path.name == "cpu.max":
                text = text.split()[what == "period"]
            found[what] = text
        return found

    def assert_limits(self, **expected):
        found = self.limits()
        self.assertEqual({what: found[what] for what in expected},
                         {what: str(value) for what, value in expected.items()})

    def made(self, **changes):
        return self.start("c", {"linux.resources": self.resources, **changes})

    def is_v2(self):
        return any(path.name == "memory.max" for path in self.cgroup_files())

    def swap(self, both, memory):
        return both - memory if self.is_v2() else both

    def test_it_is_made_with_limits(self):
        self.made()
        self.assert_limits(memory=64 * MIB, swap=self.swap(64 * MIB, 64 * MIB), pids=100,
                           quota=20000, burst=5000, shares=59 if self.is_v2() else 512)

    def test_memory_and_swap_in_both_directions(self):
        """v1 takes neither a memory limit above the other, nor the other below it."""
        self.made()
        for size in (128, 16, 64, 32, 256):
            self.works("update", "--memory", f"{size}M", "--memory-swap", f"{2 * size}m", "c")
            self.assert_limits(memory=size * MIB, swap=self.swap(2 * size * MIB, size * MIB))

    def test_quota_and_burst_in_both_directions(self):
        """The kernel takes no burst above the quota."""
        self.made()
        for quota, burst in ((4000, 3000), (50000, 40000), (1000, 0)):
            self.works("update", f"--cpu-quota={quota}", f"--cpu-burst={burst}", "c")
            self.assert_limits(quota=quota, burst=burst)
        self.works("update", "--cpu-period", "50000", "c")
        self.assert_limits(quota=1000, period=50000)

    def test_every_flag(self):
        self.made()
        self.works("update", "--memory=32768k", "--memory-swap", str(48 * MIB),
                   "--memory-reservation", "16M", "--pids-limit", "77", "--cpu-quota", "30000",
                   "--cpu-period", "60000", "--cpu-share", "1024", "--cpuset-cpus", "0",
                   "--cpuset-mems", "0", "c")
        self.assert_limits(memory=32 * MIB, swap=self.swap(48 * MIB, 32 * MIB), pids=77,
                           quota=30000, period=60000, shares=100 if self.is_v2() else 1024,
                           cpus="0", reservation=16 * MIB)

    def test_limits_are_lifted(self):
        self.made()
        self.works("update", "--memory-swap", "-1", "--pids-limit", "-1", "--cpu-burst", "0",
                   "--cpu-quota", "-1", "c")
        self.assert_limits(pids="max", quota="max" if self.is_v2() else -1)

    def test_json_from_a_file_and_from_standard_input(self):
        """Engines: `update --resources=FILE ID`, `update --resources - ID` (cli-compat.md)."""
        self.made()
        file = self.area / "resources"
        for form, pids in ((["--resources", file], 11), ([f"--resources={file}"], 12),
                           (["-r", file], 13)):
            file.write_text(json.dumps({"pids": {"limit": pids}}))
            self.works("update", *form, "c")
            self.assert_limits(pids=pids)
        for form, pids in ((["--resources", "-"], 14), (["--resources=-"], 15)):
            file.write_text(json.dumps({"pids": {"limit": pids}, "memory": {"limit": 96 * MIB,
                                                                            "swap": 96 * MIB}}))
            with open(file) as text:
                self.works("update", *form, "c", stdin=text)
            self.assert_limits(pids=pids, memory=96 * MIB)
        file.write_text(json.dumps({"pids": {"limit": 16}}))
        self.works("update", "-r", file, "--pids-limit", "17", "c")
        self.assert_limits(pids=17)  # what is said on the command line goes before

    def test_what_fails_changes_nothing(self):
        self.made()
        before = self.limits()
        bad = {"linux.resources.cpu.cpus": {"cpu": {"cpus": "4095"}},
               "linux.resources.cpu.quota": {"cpu": {"quota": 1}},
               "linux.resources.memory.swap": {"memory": {"limit": 32 * MIB, "swap": 16 * MIB}},
               "linux.resources.hugepageLimits[0]":
                   {"hugepageLimits": [{"pageSize": "3MB", "limit": 0}]}}
        for field, resources in bad.items():
            with self.subTest(field=field):
                text = json.dumps({"pids": {"limit": 50}, "memory": {"reservation": 8 * MIB},
                                   **resources})
                (self.area / "resources").write_text(text)
                self.fails("update", "-r", self.area / "resources", "c", part=field)
                self.assertEqual(self.limits(), before)
        self.works("update", "--memory-reservation", "8M", "c")  # nor is it remembered

    def test_what_was_changed_is_remembered(self):
        """v2 needs to know the memory limit to make swap of memory and swap."""
        self.made()
        self.works("update", "--memory", "32M", "--memory-swap", "64M", "c")
        self.works("update", "--memory-swap", "48M", "c")
        self.assert_limits(memory=32 * MIB, swap=self.swap(48 * MIB, 32 * MIB))
        state = json.loads((self.root / "c/state.json").read_text())
        stored = state["config"]["linux"]["resources"]
        self.assertEqual(stored["memory"], {"limit": 32 * MIB, "swap": 48 * MIB})
        self.assertEqual(stored["pids"], {"limit": 100})

    def test_created_running_and_paused_ones_but_not_stopped_ones(self):
        self.create("c", {"linux.resources": self.resources})
        self.works("update", "--pids-limit", "30", "c")
        self.assert_limits(pids=30)
        self.works("start", "c")
        self.works("pause", "c")
        self.works("update", "--pids-limit", "31", "c")
        self.assert_limits(pids=31)
        self.works("resume", "c")
        self.works("kill", "c", "KILL")
        self.await_status("c", "stopped")
        self.fails("update", "--pids-limit", "32", "c", part="container not running")

    def test_what_runs_in_it_later_has_them_too(self):
        self.made()
        said = self.works("exec", "c", "/probe", "cat", "/proc/self/cgroup")
        mine = [line for line in said.splitlines() if line.rpartition(":")[2] != "/"]
        self.assertEqual(mine, [])  # seen from inside its cgroup is the root of all

    def test_memory_alone_keeps_what_is_meant_by_swap(self):
        """It is a limit of both together, whichever of them was changed."""
        self.made()
        self.works("update", "--memory", "32M", "--memory-swap", "96M", "c")
        self.works("update", "--memory", "48M", "c")
        self.assert_limits(memory=48 * MIB, swap=self.swap(96 * MIB, 48 * MIB))
        self.fails("update", "--memory", "128M", "c", part="linux.resources.memory.")
        self.assert_limits(memory=48 * MIB, swap=self.swap(96 * MIB, 48 * MIB))

    def test_zeros_of_engines_change_nothing(self):
        self.made()
        before = self.limits()
        (self.area / "resources").write_text(json.dumps(
            {"memory": {"limit": 0, "swap": 0, "reservation": 0}, "pids": {"limit": 0},
             "cpu": {"shares": 0, "quota": 0, "period": 0}, "blockIO": {"weight": 0}}))
        self.works("update", "-r", self.area / "resources", "c")
        self.assertEqual(self.limits(), before)

    def test_numbers_that_are_none(self):
        self.made()
        before = self.limits()
        for flag in (["--memory", "12x"], ["--memory", "-2M"], ["--memory="], ["--memory", "M"],
                     ["--memory", "9999999999G"], ["--pids-limit", "1 "], ["--cpu-share", "-1"],
                     ["--cpu-period", "1.5"]):
            self.fails("update", *flag, "c", part=flag[0].rstrip("="))
        self.assertEqual(self.limits(), before)

    def test_json_that_is_none(self):
        self.made()
        for text in ("", "[]", "{", '{"pids":{"limit":"5"}}', '{"pids":{}}', '{"memory":3}'):
            (self.area / "resources").write_text(text)
            self.fails("update", "-r", self.area / "resources", "c")
        self.fails("update", "-r", self.area / "missing", "c", part="missing")

    def test_a_cgroup_that_it_was_not_made_with(self):
        self.start("c", {"linux.cgroupsPath": None, "linux.resources": {"pids": {"limit": 9}}})
        self.works("update", "--pids-limit", "10", "c")
        message = self.runtime("update", "--memory", "64M", "c")
        if message.returncode:  # on v2 there is one cgroup for all
            self.assertIn("linux.resources.memory.limit", message.stderr)
        self.works("delete", "--force", "c")
        self.assertFalse([path for path in Path("/sys/fs/cgroup").glob("*/ctr-c")])


    def test_huge_pages(self):
        """By the one controller that many a machine of v1 has left to v2."""
        def limit(count, size="2MB"):
            return {"hugepageLimits": [{"pageSize": size, "limit": count * 2 * MIB}]}

        self.start("c", {"linux.resources": limit(3)})
        self.assert_limits(huge=6 * MIB)
        file = self.area / "resources"
        for count in (0, 5):
            file.write_text(json.dumps(limit(count)))
            self.works("update", "--resources", file, "c")
            self.assert_limits(huge=count * 2 * MIB)
        file.write_text(json.dumps(limit(1, "3MB")))
        self.fails("update", "--resources", file, "c", part="linux.resources.hugepageLimits[0]")
        self.assert_limits(huge=10 * MIB)
        self.works("delete", "--force", "c")
        self.assert_nothing_left("c")


class Refused(Containers):
    """What cannot be limited is refused, by its name, before anything is made."""

    def test_without_a_cgroup(self):
        self.write({**self.own_cgroup("c"), "linux.resources": {"pids": {"limit": 5}}})
        self.fails("--cgroup-manager", "disabled", "create", "--bundle", self.bundle, "c",
                   part="linux.resources.pids.limit")
        self.assert_nothing_left("c")

    def test_what_no_kernel_has(self):
        self.write({**self.own_cgroup("c"), "linux.resources": {"unified": {"nothing.max": "5"}}})
        self.fails("create", "--bundle", self.bundle, "c",
                   part="linux.resources.unified.nothing.max")
        self.assert_nothing_left("c")

    def test_a_value_that_the_kernel_does_not_take(self):
        """Limits are set before there is a process; poststop hooks have nothing to undo."""
        hook = {"path": str(self.bundle / "rootfs/probe"), "args": ["probe", "exit", "3"]}
        self.write({**self.own_cgroup("c"), "linux.resources": {"cpu": {"quota": 1}},
                    "hooks": {"poststop": [hook]}})
        message = self.fails("create", "--bundle", self.bundle, "c",
                             part="linux.resources.cpu.quota")
        self.assertNotIn("hooks.poststop", message)
        self.assert_nothing_left("c")
