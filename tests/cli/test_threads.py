"""A first process whose first thread has ended while others go on: /proc/PID/stat shows a zombie,
but it lives (pthread_exit(3), proc_pid_stat(5))."""

import json
import os
import signal

from lifecycle import Containers, alive, process_state, until

HEADLESS = {"process.args": ["/probe", "headless"]}


class Headless(Containers):
    def start_headless(self, name="one", changes=None):
        pid = self.start(name, {**HEADLESS, **(changes or {})})
        until(lambda: process_state(pid) == "Z", "its first thread ends")
        self.assertTrue(alive(pid))
        return pid

    def test_it_is_running_until_its_last_thread_ends(self):
        pid = self.start_headless()
        state = self.state("one")
        self.assertEqual((state["status"], state["pid"]), ("running", pid))
        listed = json.loads(self.works("list", "--format", "json"))
        self.assertEqual([(item["status"], item["pid"]) for item in listed], [("running", pid)])
        self.fails("delete", "one", part="not stopped")
        self.fails("start", "one", part="running")
        self.works("kill", "one", "TERM")
        self.assertEqual(self.reap(pid), 0)
        self.assertEqual(self.status("one"), "stopped")
        self.works("delete", "one")
        self.assert_nothing_left("one")

    def test_signals_come_to_those_that_live(self):
        pid = self.start_headless()
        self.works("kill", "one", "USR1")
        until(lambda: f"signal {int(signal.SIGUSR1)}" in self.said(), "it hears the signal")
        self.works("kill", "one", "KILL")
        self.assertEqual(self.reap(pid), -signal.SIGKILL)

    def test_it_is_deleted_by_force(self):
        pid = self.start_headless()
        self.works("delete", "--force", "one")
        self.assertEqual(self.reap(pid), -signal.SIGKILL)
        self.assert_nothing_left("one")

    def test_in_the_foreground_it_is_waited_for(self):
        self.write(HEADLESS)
        with open(self.said_file, "ab") as said:
            running = self.spawn("run", "--bundle", self.bundle, "one", stdout=said)
        until(lambda: "ready" in self.said(), "the program runs")
        pid = self.state("one")["pid"]
        until(lambda: process_state(pid) == "Z", "its first thread ends")
        self.assertIsNone(running.process.poll())
        self.assertEqual(self.status("one"), "running")
        os.kill(running.pid, signal.SIGTERM)
        self.assertEqual(running.wait().returncode, 0)
        self.assert_nothing_left("one")

    def test_exec_works_or_says_why_not(self):
        # The kernel shows no namespaces of a thread that has ended. Who therefore cannot come in
        # is not to hear that nobody is there.
        pid = self.start_headless()
        for options in ([], ["--detach"]):
            result = self.runtime("exec", *options, "one", "/probe", "exit", "7")
            if result.returncode == 255:
                self.assertIn("its first thread has ended", result.stderr)
                self.assertNotIn("not running", result.stderr)
            else:
                self.assertEqual((result.returncode, result.stderr), (0 if options else 7, ""))
        self.assertTrue(alive(pid))
        self.assertEqual(self.status("one"), "running")

    def test_it_is_paused_resumed_and_listed(self):
        pid = self.start_headless()
        self.assertEqual(json.loads(self.works("ps", "--format", "json", "one")), [pid])
        self.works("pause", "one")
        self.assertEqual(self.status("one"), "paused")
        self.works("kill", "one", "USR1")
        self.works("resume", "one")
        until(lambda: f"signal {int(signal.SIGUSR1)}" in self.said(), "it hears the signal")
        self.works("kill", "--all", "one", "KILL")
        self.assertEqual(self.reap(pid), -signal.SIGKILL)
        self.works("delete", "one")
        self.assert_nothing_left("one")

    def test_one_that_shares_the_hosts_pids_ends_too(self):
        namespaces = [n for n in self.default["linux"]["namespaces"] if n["type"] != "pid"]
        pid = self.start_headless(changes={"linux.namespaces": namespaces})
        self.works("kill", "one", "KILL")
        self.assertEqual(self.reap(pid), -signal.SIGKILL)
        self.works("delete", "one")
        self.assert_nothing_left("one")
