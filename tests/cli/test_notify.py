"""sd_notify(3) through a container: the runtime's NOTIFY_SOCKET, and what comes out of it."""

import os
import signal
import socket

from lifecycle import Containers, until

INSIDE = "NOTIFY_SOCKET=/run/notify/notify.sock"


class Notify(Containers):
    def setUp(self):
        super().setUp()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(str(self.area / "manager"))
        self.manager.settimeout(60)
        self.env = {**os.environ, "NOTIFY_SOCKET": str(self.area / "manager")}

    def told(self):
        return self.manager.recv(4096).decode().split("\n")

    def assert_not_told(self):
        self.manager.setblocking(False)
        self.assertRaises(BlockingIOError, self.manager.recv, 4096)

    def test_start_returns_when_the_program_is_ready(self):
        pid = self.create("one", {"process.args": ["/probe", "notify", "STATUS=not yet",
                                                   "MAINPID=1\nREADY=1\nSTOPPING=1"]},
                          env=self.env)
        self.assert_not_told()
        self.manager.settimeout(60)
        self.works("start", "one")
        # With the pid as the manager sees it, and nothing else of what was said inside.
        self.assertEqual(self.told(), [f"MAINPID={pid}", "READY=1"])
        self.assert_not_told()
        self.works("delete", "--force", "one")
        self.assert_nothing_left("one")

    def test_start_does_not_wait_for_a_program_that_ends(self):
        self.create("one", {"process.args": ["/probe", "exit", "3"]}, env=self.env)
        self.works("start", "one")
        self.assert_not_told()
        self.works("delete", "--force", "one")
        self.assert_nothing_left("one")

    def test_a_program_in_the_foreground_is_passed_on_too(self):
        self.write({"process.args": ["/probe", "notify", "READY=1"]})
        with open(self.said_file, "ab") as said:
            running = self.spawn("run", "--bundle", self.bundle, "one", env=self.env, stdout=said)
        self.assertEqual(self.told()[1:], ["READY=1"])
        until(lambda: "ready" in self.said(), "it listens to signals")
        os.kill(running.pid, signal.SIGTERM)
        self.assertEqual(running.wait().returncode, 0)
        self.assert_nothing_left("one")

    def test_a_program_in_the_background(self):
        self.write({"process.args": ["/probe", "notify", "READY=1"]})
        self.works("run", "--detach", "--bundle", self.bundle, "one", env=self.env)
        self.assertEqual(self.told(), [f"MAINPID={self.state('one')['pid']}", "READY=1"])

    def test_the_state_root_may_be_relative(self):
        # What is mounted starts from the bundle when it is relative; --root starts from here.
        program = {"process.args": ["/probe", "notify", "READY=1"]}
        absolute, away = self.root, self.area / "away"
        away.mkdir()
        for root, cwd in (("root", self.area), ("./root/", self.area), ("../root", away)):
            self.root = root
            try:
                self.write(program)
                self.works("create", "--bundle", self.bundle, "one", env=self.env, cwd=cwd)
                self.assert_not_told()
                self.manager.settimeout(60)
                self.works("start", "one", cwd=cwd)
            finally:
                self.root = absolute
            self.assertEqual(self.told(), [f"MAINPID={self.state('one')['pid']}", "READY=1"])
            self.works("delete", "--force", "one")
            self.assert_nothing_left("one")
        self.assertFalse((self.bundle / "root").exists())

    def test_the_program_finds_the_socket_and_cannot_change_its_place(self):
        self.write({"process.args": ["/probe", "self", "/run/notify/x"]})
        result = self.runtime("run", "--bundle", self.bundle, "one", env=self.env)
        self.assertIn(INSIDE[14:], result.stdout)
        self.write({"process.args": ["/probe", "make", "/run/notify/x"]})
        result = self.runtime("run", "--bundle", self.bundle, "two", env=self.env)
        self.assertEqual(result.stdout, "/run/notify/x EROFS\n")

    def test_without_a_manager_there_is_nothing(self):
        self.start("one", {"process.args": ["/probe", "hear"]})
        self.assertEqual(self.state("one")["status"], "running")
        mounts = (open(f"/proc/{self.state('one')['pid']}/mounts").read())
        self.assertNotIn("/run/notify", mounts)

    def test_a_manager_that_is_gone_does_not_end_the_program(self):
        self.create("one", {"process.args": ["/probe", "notify", "READY=1"]}, env=self.env)
        self.manager.close()
        os.unlink(self.area / "manager")
        result = self.runtime("start", "one")
        self.assertEqual(result.returncode, 0)
        self.assertIn("is ready", result.stderr)
        until(lambda: "ready" in self.said(), "the program goes on")
