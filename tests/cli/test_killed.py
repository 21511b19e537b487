"""A runtime that is killed on its way, at any of its system calls: what it was making can still be
asked about and removed, nothing of it stays, and its name can be used again.

tests/container/stepper.c walks a command to its Nth call and kills it there; what it has cloned by
then lives on. How often a command is walked is limited by TRIES, whatever its length: calls that
others can see the effect of come first, then an even choice of the rest."""

import contextlib
import json
import os
import signal
import socket

from lifecycle import RUNTIME, Containers, Running, until
from oci import BUILD, GIVEN, ROOT

TRIES = 70  # for each command
ENOUGH = 5  # failures to learn from; each may have waited until its deadline
# Before and after these a death is most likely to leave something. A write is one too, but there
# are many: those get their share of the rest.
TELLING = {"clone", "clone3", "fork", "vfork", "connect", "sendmsg", "sendto", "mkdir", "mkdirat",
           "mknod", "mknodat", "rename", "renameat", "renameat2", "link", "linkat", "symlink",
           "symlinkat", "unlink", "unlinkat", "rmdir", "kill", "pidfd_send_signal", "waitid"}


def spread(numbers, count):
    """So many of them, evenly chosen, the first and the last among them."""
    if len(numbers) <= count:
        return numbers
    return [numbers[i * (len(numbers) - 1) // (count - 1)] for i in range(count)]


def choose(calls):
    """The numbers of the calls to die at; calls are the names of them all, in order."""
    telling = {n + after for n, name in enumerate(calls, 1) if name in TELLING
               for after in (0, 1) if n + after <= len(calls)}
    telling = spread(sorted(telling), TRIES * 3 // 4)
    rest = [n for n in range(1, len(calls) + 1) if n not in telling]
    return sorted({*telling, *spread(rest, TRIES - len(telling))})


SOON = 20  # seconds, for what ends because another process did


class Stepped(Containers):
    """Walks commands of the runtime, and sees what is left after a death."""

    def setUp(self):
        super().setUp()
        self.report = self.area / "report"
        self.default["process"]["args"] = ["/probe", "exit", "0"]

    def step(self, at, *args):
        """Runs a command, to die at a call if that is not 0; what became of it, the names of its
        calls, its complaints."""
        stepper = Running([BUILD / "container/stepper", self.report, at, RUNTIME, "--root",
                           self.root, *args], self.area)
        self.started.append(stepper)
        result = stepper.wait()
        self.assertEqual(result.returncode, 0, result.stderr)
        *calls, fate = self.report.read_text().splitlines()
        return fate, [line.partition(" ")[2] for line in calls], result.stderr

    def walk(self, *args, changes=None, before=None, after=None):
        """Dies at many of a command's calls, with before() and after() around each."""
        def prepare():
            self.write(changes)
            if before:
                before()

        def whole_run():
            prepare()
            fate, calls, said = self.step(0, *args)
            self.assertEqual(fate, "exit 0", said)
            after()
            return calls

        after = after or self.recovers
        calls = min((whole_run() for _ in range(3)), key=len)  # it waits for others, now longer
        chosen = choose(calls)
        killed = whole = 0
        for tried, number in enumerate(chosen):
            if tried - whole == ENOUGH:
                self.fail(f"{ENOUGH} of {tried} failed: no more are tried")
            with self.subTest(call=number, name=calls[number - 1]):
                prepare()
                fate = self.step(number, *args)[0]
                killed += fate == "killed"
                after()
                whole += 1
        self.assertGreater(killed, len(chosen) // 2, "most runs ended before the chosen call")
        print(f"# {args[0]}: {len(calls)} calls, killed at {killed} of them")

    # -- what must hold wherever it died --

    def left(self):
        """What lives of all that the runtime cloned; what has ended is reaped: it is ours."""
        self.reap_orphans()
        return self.processes()

    def answers(self, name):
        """state and list work: they say what there is, or that they cannot, and do not crash."""
        result = self.runtime("state", name)
        self.assertIn(result.returncode, (0, 1), result.stderr)
        if result.returncode:
            self.assertEqual(result.stdout, "")
            self.assertRegex(result.stderr, r"\S")
        for options in ([], ["-q"], ["--format", "json"]):
            listed = self.runtime("list", *options)
            self.assertEqual(listed.returncode, 0, listed.stderr)

    def removed(self, name):
        """delete --force works and leaves nothing."""
        result = self.runtime("delete", "--force", name)
        self.assertEqual(result.returncode, 0, result.stderr)
        try:
            until(lambda: not self.left(), "all that the runtime cloned ends", SOON)
        finally:
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
        self.assert_nothing_left(name)
        self.assertEqual(self.entries(), [])

    def usable(self, name):
        """The name can be used for a whole life."""
        self.write()
        self.works("run", "--bundle", self.bundle, name)

    def recovers(self, name="c"):
        self.answers(name)
        self.removed(name)
        self.usable(name)


class Killed(Stepped):
    waiting = {"process.args": ["/probe", "hear"]}

    def test_create(self):
        self.walk("create", "--bundle", self.bundle, "--pid-file", self.area / "pid", "c")

    def test_create_with_a_terminal(self):
        """The console socket is connected to and the terminal sent before create returns."""
        path = self.area / "console"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            listener.setblocking(False)

            def after():
                with contextlib.suppress(BlockingIOError):
                    while True:
                        listener.accept()[0].close()
                self.recovers()

            self.walk("create", "--bundle", self.bundle, "--console-socket", path, "c",
                      changes={"process.terminal": True}, after=after)

    def test_create_with_hooks(self):
        hook = {"path": "/bin/true", "args": ["true"]}
        hooks = {kind: [hook] for kind in ("createRuntime", "createContainer")}
        self.walk("create", "--bundle", self.bundle, "c", changes={"hooks": hooks})

    def test_start(self):
        self.walk("start", "c", before=lambda: self.works("create", "--bundle", self.bundle, "c"))

    def test_run(self):
        self.walk("run", "--bundle", self.bundle, "c")

    def test_run_detached(self):
        self.walk("run", "--detach", "--bundle", self.bundle, "c")

    def test_delete_of_a_stopped_one(self):
        def before():
            self.works("create", "--bundle", self.bundle, "c")
            self.works("start", "c")
            self.await_status("c", "stopped")

        self.walk("delete", "c", before=before)

    def test_delete_of_a_running_one(self):
        self.walk("delete", "--force", "c", before=lambda: self.start("c", self.waiting))

    def test_exec_leaves_the_container_alone(self):
        first = self.start("c", self.waiting)

        def after():
            until(lambda: self.left() == [first], "only the container is left", SOON)
            self.assertEqual(self.status("c"), "running")
            again = self.runtime("exec", "c", "/probe", "exit", "7")
            self.assertEqual((again.returncode, again.stderr), (7, ""))
            if ROOT or GIVEN:  # there is a cgroup to ask
                self.assertEqual(json.loads(self.works("ps", "--format", "json", "c")), [first])

        self.walk("exec", "c", "/probe", "exit", "0", after=after)
        self.removed("c")

    def run_waiting(self, *options):
        self.write(self.waiting)
        with open(self.said_file, "ab") as said:
            run = self.spawn("run", *options, "--bundle", self.bundle, "c", stdout=said)
        until(lambda: "ready" in self.said(), "the program runs")
        return run

    def test_a_container_dies_with_the_run_that_waits_for_it(self):
        run = self.run_waiting()
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        until(lambda: not self.left(), "the container ends too", SOON)
        self.recovers()

    def test_a_detached_container_lives_on(self):
        run = self.run_waiting("--detach")
        result = run.wait()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(self.status("c"), "running")
        self.assertEqual(self.processes(), [self.state("c")["pid"]])
        self.removed("c")
