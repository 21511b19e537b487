"""--pidfd-socket: whoever listens there gets a pidfd of the process that is made, with a payload
that says how: "standard" for a container's first process, "setns" for one more in it, as runc's
docs and libcontainer/utils (SendRawFd) have it."""

import array
import contextlib
import os
import select
import signal
import socket
from pathlib import Path

from lifecycle import Containers, alive, until

PIDFD_NAMES = ("anon_inode:[pidfd]", "pidfd:")  # before and since Linux 6.9's pidfs


class PidfdSocket(Containers):
    def setUp(self):
        super().setUp()
        self.socket_path = self.area / "pidfd"
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(str(self.socket_path))
        self.listener.listen()
        self.listener.settimeout(60)
        self.option = ("--pidfd-socket", self.socket_path)

    def received(self):
        """What came with the one connection that there was: the payload, the descriptor."""
        with self.listener.accept()[0] as peer:
            peer.settimeout(60)
            payload, ancillary, flags, _ = peer.recvmsg(4096, 1024)
            self.assertFalse(flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC))
            fds = array.array("i")
            for level, kind, data in ancillary:
                self.assertEqual((level, kind), (socket.SOL_SOCKET, socket.SCM_RIGHTS))
                fds.frombytes(data)
            for fd in fds:
                self.addCleanup(os.close, fd)
            self.assertEqual(len(fds), 1)
            self.assertEqual(peer.recvmsg(4096, 1024)[:2], (b"", []), "and nothing more")
        self.assert_no_more()
        return payload, fds[0]

    def assert_no_more(self):
        self.listener.settimeout(0)
        self.assertRaises(BlockingIOError, self.listener.accept)
        self.listener.settimeout(60)

    def pid_of(self, fd):
        """The pid that a pidfd stands for (proc_pid_fdinfo(5)); -1 when it has ended."""
        self.assertTrue(os.readlink(f"/proc/self/fd/{fd}").startswith(PIDFD_NAMES))
        fields = dict(line.split(":\t") for line in
                      Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines())
        return int(fields["Pid"])

    def has_ended(self, fd):
        return bool(select.select([fd], [], [], 0)[0])

    def check_received(self, payload, pid):
        """The payload is this and the pidfd that process's, by which it can be ended."""
        said, fd = self.received()
        self.assertEqual((said, self.pid_of(fd)), (payload, pid))
        self.assertFalse(self.has_ended(fd))
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        until(lambda: not alive(pid), "it ends by its pidfd")
        self.assertTrue(self.has_ended(fd))
        return fd

    def test_of_create(self):
        pid = self.create("one", None, *self.option)
        self.check_received(b"standard", pid)
        self.reap(pid)
        self.assertEqual(self.status("one"), "stopped")

    def test_of_run_in_the_background(self):
        self.write()
        with open(self.said_file, "ab") as said:
            self.works("run", "--detach", "--bundle", self.bundle, *self.option, "one", stdout=said)
        self.check_received(b"standard", self.state("one")["pid"])

    def test_of_run_in_the_foreground(self):
        self.write()
        with open(self.said_file, "ab") as said:
            running = self.spawn("run", "--bundle", self.bundle, *self.option, "one", stdout=said)
        until(lambda: "ready" in self.said(), "the program runs")
        self.check_received(b"standard", self.state("one")["pid"])
        self.assertEqual(running.wait().returncode, 128 + signal.SIGKILL)
        self.assert_nothing_left("one")

    def test_of_exec(self):
        first = self.start("one")
        path = self.area / "pid"
        self.works("exec", "--detach", "--pid-file", path, *self.option, "one", "/probe", "wait")
        pid = int(path.read_text())
        self.assertNotEqual(pid, first)
        self.check_received(b"setns", pid)
        self.assertTrue(alive(first))

    def test_of_exec_in_the_foreground(self):
        first = self.start("one")
        path = self.area / "pid"
        running = self.spawn("exec", "--pid-file", path, *self.option, "one", "/probe", "hear")
        until(lambda: os.pread(running.files[0].fileno(), 6, 0) == b"ready\n", "it runs")
        until(path.exists, "the pid file")  # the program does not wait for it
        self.check_received(b"setns", int(path.read_text()))
        self.assertEqual(running.wait().returncode, 128 + signal.SIGKILL)
        self.assertTrue(alive(first))

    def test_by_way_of_a_process_that_joins_first(self):
        # An intermediate one joins and makes the real one: not that is meant.
        holder = self.start("holder")
        namespaces = [{**namespace, "path": f"/proc/{holder}/ns/pid"}
                      if namespace["type"] == "pid" else namespace
                      for namespace in self.default["linux"]["namespaces"]]
        pid = self.create("one", {"linux.namespaces": namespaces}, *self.option)
        self.check_received(b"standard", pid)
        self.reap(pid)
        self.assertTrue(alive(holder))

    def test_beside_a_console_socket_each_gets_its_own(self):
        with socket.socket(socket.AF_UNIX) as console:
            console.bind(str(self.area / "console"))
            console.listen()
            console.settimeout(60)
            pid = self.create("one", {"process.terminal": True}, *self.option,
                              "--console-socket", self.area / "console")
            with console.accept()[0] as peer:
                _, fds, _, _ = socket.recv_fds(peer, 4096, 4)
            for fd in fds:
                self.addCleanup(os.close, fd)
            self.assertEqual([os.isatty(fd) for fd in fds], [True])
        self.check_received(b"standard", pid)

    def test_of_a_start_that_fails_it_has_ended(self):
        # It comes as soon as there is a process, which then fails: who has it sees that end.
        self.write({"process.args": ["/not/there"]})
        self.fails("create", "--bundle", self.bundle, *self.option, "one", part="/not/there")
        payload, fd = self.received()
        self.assertEqual((payload, self.pid_of(fd), self.has_ended(fd)),
                         (b"standard", -1, True))
        self.assert_nothing_left("one")

    def test_where_nobody_listens_nothing_is_made(self):
        self.start("other")
        before = self.processes()
        missing, file, gone = self.area / "missing", self.area / "file", self.area / "gone"
        file.touch()
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as unheard:
            unheard.bind(str(gone))
        self.write(self.own_cgroup("one"))
        for path in (missing, file, gone):
            option = ("--pidfd-socket", path)
            for args in (["create", "--bundle", self.bundle, *option, "one"],
                         ["run", "--bundle", self.bundle, *option, "one"]):
                self.assertIn("pidfd socket", self.fails(*args, part=str(path)))
            result = self.runtime("exec", *option, "other", "/probe", "exit", "0")
            self.assertEqual((result.returncode, result.stdout), (255, ""))
            self.assertIn(str(path), result.stderr)
        self.assertEqual((self.listed(), self.processes()), (["other"], before))

    def test_a_long_path_is_reached(self):
        # sun_path has 108 bytes (unix(7)).
        deep = self.area / ("d" * 100) / ("e" * 100)
        deep.mkdir(parents=True)
        here = os.open(deep, os.O_PATH)
        self.addCleanup(os.close, here)
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(f"/proc/self/fd/{here}/socket")
        self.listener.listen()
        self.listener.settimeout(60)
        pid = self.create("one", None, "--pidfd-socket", deep / "socket")
        self.check_received(b"standard", pid)
