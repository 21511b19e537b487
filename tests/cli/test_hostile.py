"""What a container must not be able to do, or be made to do, to others."""

import os
import signal
import subprocess

from lifecycle import Containers, process_state, until


class OthersCgroups(Containers):
    def populated(self, path):
        """A process of ours in a cgroup of every hierarchy that takes it, below path."""
        victim = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(victim.wait)
        self.addCleanup(victim.kill)
        for top in ("freezer", "unified", "pids", "."):
            directory = f"/sys/fs/cgroup/{top}"
            if os.path.exists(f"{directory}/cgroup.procs"):
                os.makedirs(directory + path, exist_ok=True)
                with open(f"{directory}{path}/cgroup.procs", "w") as procs:
                    procs.write(str(victim.pid))
        return victim.pid

    def test_a_cgroup_with_processes_in_it_is_not_taken_over(self):
        for below in ("", "/sub/sub"):
            with self.subTest(below=below):
                pid = self.populated(self.cgroup + below)
                self.write({"linux.cgroupsPath": self.cgroup, "process.args": ["/nonexistent"]})
                self.fails("create", "--bundle", self.bundle, "one", part="not empty")
                self.assertIn(process_state(pid), "SR")  # and was not killed with it
                self.assertNotIn("one", self.listed())


class HalfMade(Containers):
    def test_nothing_is_executed_in_one_whose_maker_was_killed(self):
        # It is not in its root yet: what would be executed would see the host.
        self.write({"hooks.createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "sleep 1000"],
                                               "timeout": 2000}]})
        running = self.spawn("run", "--detach", "--bundle", self.bundle, "one")
        until(lambda: any("sleep" in open(f"/proc/{pid}/cmdline").read()
                          for pid in self.everything_below(running.pid)), "the hook runs")
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        self.fails_to_exec("one")
        self.works("delete", "--force", "one")
        self.assert_nothing_left("one")

    def everything_below(self, pid):
        found, todo = [], [pid]
        while todo:
            at = todo.pop()
            try:
                with open(f"/proc/{at}/task/{at}/children") as children:
                    todo += map(int, children.read().split())
            except OSError:
                continue
            found.append(at)
        return found

    def fails_to_exec(self, name):
        result = self.runtime("exec", name, "/probe", "exit", "0")
        self.assertEqual((result.returncode, result.stdout), (255, ""), result.stderr)
        self.assertIn("container not running", result.stderr)

    def test_a_state_that_could_not_be_read_again_is_not_made(self):
        self.write({"annotations": {"a": ""}})
        room = (1 << 24) - 10 - self.path.stat().st_size  # what a reader takes, 16 MiB, is used up
        self.write({"annotations": {"a": "x" * room}})
        self.fails("create", "--bundle", self.bundle, "one")
        self.assert_nothing_left("one")
