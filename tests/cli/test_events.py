"""events: statistics as engines read them (cli-compat.md), and what happens, as it happens."""

import json
import os
import shutil

from lifecycle import Containers, until
from oci import BUILD

MIB = 1 << 20


class Events(Containers):
    def shown(self, events):
        """What it has said so far."""
        file = events.files[0].fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode()

    def test_statistics_once(self):
        self.start("c", {"linux.resources": {"memory": {"limit": 64 * MIB}, "pids": {"limit": 9}}})
        text = self.works("events", "--stats", "c")
        self.assertEqual(text.count("\n"), 1)
        event = json.loads(text)
        self.assertEqual((event["type"], event["id"]), ("stats", "c"))
        data = event["data"]
        self.assertEqual(data["pids"], {"current": 1, "limit": 9})
        self.assertEqual(data["memory"]["usage"]["limit"], 64 * MIB)
        self.assertTrue(0 < data["memory"]["usage"]["usage"] < 64 * MIB)
        self.assertGreater(data["cpu"]["usage"]["total"], 0)
        self.assertEqual([i["Name"] for i in data["network_interfaces"]], ["lo"])

    def test_more_of_them_until_it_ends(self):
        self.start("c")
        events = self.spawn("events", "--interval", "20ms", "c")
        until(lambda: self.shown(events).count("\n") >= 3, "three lines of statistics")
        limited = [path for path in self.cgroups() if [*path.glob("memory.*limit*")] or
                   (path / "memory.max").exists()]
        self.works("kill", "c", "KILL")
        result = events.wait()
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr == "", bool(limited), result.stderr)
        if not limited:
            self.assertIn("none of its cgroups has the memory controller", result.stderr)
        self.assertEqual({json.loads(line)["type"] for line in result.stdout.splitlines()},
                         {"stats"})

    def test_out_of_memory(self):
        """The container lives on: it is another process of it that is killed."""
        shutil.copy(BUILD / "container/eater", self.bundle / "rootfs/eater")
        self.start("c", {"linux.resources": {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}}})
        events = self.spawn("events", "--interval", "50ms", "c")
        until(lambda: '"stats"' in self.shown(events), "it watches")
        self.assertEqual(self.runtime("exec", "c", "/eater", "memory", "64").returncode, 128 + 9)
        until(lambda: '"oom"' in self.shown(events), "a line that says so")
        self.works("kill", "c", "KILL")
        self.assertEqual(events.wait().returncode, 0)

    def test_what_is_not_there(self):
        self.fails("events", "--stats", "nobody", part="does not exist")
        self.start("c")
        for interval in ("0", "x", "-1s", "5"):
            self.fails("events", "--interval", interval, "c", part="--interval")
