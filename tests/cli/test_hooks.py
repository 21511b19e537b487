"""Hooks: which run when, where, with what, and what becomes of a container whose hook fails.

config.md "POSIX-platform Hooks" and runtime.md "Lifecycle"; the numbers below are its steps."""

import json
import os
import shutil
import signal
import stat
import unittest

from lifecycle import BUSYBOX, RUNTIME, Containers, alive, until

ON_CREATE = ["prestart", "createRuntime", "createContainer"]
ON_START = ["startContainer", "poststart"]
KINDS = [*ON_CREATE, *ON_START, "poststop"]
INSIDE = ["createContainer", "startContainer"]  # these run in the container's namespaces
NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]
# config.md: the state is passed over stdin; runtime.md "State" has its words.
STATUS = {"prestart": "creating", "createRuntime": "creating", "createContainer": "creating",
          "startContainer": "created", "poststart": "running", "poststop": "stopped"}


class Hooks(Containers):
    """Hooks leave notes in rootfs/notes, which is /notes inside (see probe.c)."""

    def setUp(self):
        super().setUp()
        self.notes = self.bundle / "rootfs/notes"
        self.notes.mkdir()
        self.probe = str(self.bundle / "rootfs/probe")

    def note(self, kind, name=None, **more):
        """A hook that leaves a note. Only startContainer's program is looked for inside."""
        inside = kind == "startContainer"
        return {"path": "/probe" if inside else self.probe,
                "args": ["hook", "note", "/notes" if inside else str(self.notes), name or kind],
                **more}

    def shell(self, script, **more):
        return {"path": "/bin/sh", "args": ["sh", "-c", script], **more}

    def notes_of_all(self):
        return {kind: [self.note(kind)] for kind in KINDS}

    def order(self):
        path = self.notes / "order"
        return path.read_text().split() if path.exists() else []

    def said_by(self, name):
        """What `probe note` said: {word: rest of its line}; "env" is a list."""
        said = {"env": []}
        for line in (self.notes / name).read_text().splitlines():
            word, _, rest = line.partition(" ")
            if word == "env":
                said["env"].append(rest)
            else:
                said[word] = rest
        return said

    def state_given_to(self, name):
        return json.loads((self.notes / f"{name}.stdin").read_text())

    def whole_life(self, changes, name="c"):
        """From create to delete; the pid it had."""
        pid = self.create(name, changes)
        self.works("start", name)
        self.works("kill", name, "KILL")
        self.await_status(name, "stopped")
        self.works("delete", name)
        return pid


class Moments(Hooks):
    def test_they_run_in_order_each_at_its_moment(self):
        """Steps 3 to 5, 7 to 9 and 13; "Hooks MUST be called in the listed order"."""
        hooks = {kind: [self.note(kind, f"{kind}{i}") for i in range(2)] for kind in KINDS}
        program = ["/probe", "note", "/notes", "program"]
        self.create("c", {"hooks": hooks, "process.args": program})
        self.assertEqual(self.order(), [f"{kind}{i}" for kind in ON_CREATE for i in range(2)])
        self.works("start", "c")
        # The program runs on its own from here: before, between or after the last two.
        until(lambda: "program" in self.order(), "the program runs")
        after = self.order()[2 * len(ON_CREATE):]
        self.assertEqual(after[:2], ["startContainer0", "startContainer1"])
        self.assertEqual([name for name in after[2:] if name != "program"],
                         ["poststart0", "poststart1"])
        self.await_status("c", "stopped")
        self.assertEqual(len(self.order()), 11)
        self.works("delete", "c")
        self.assertEqual(self.order()[-2:], ["poststop0", "poststop1"])

    def test_a_foreground_run_has_them_all(self):
        self.write({"hooks": self.notes_of_all(), "process.args": ["/probe", "exit", "3"]})
        result = self.runtime("run", "--bundle", self.bundle, "c")
        self.assertEqual((result.returncode, result.stderr), (3, ""))
        self.assertEqual(self.order(), KINDS)

    def test_poststart_comes_after_the_program_is_executed(self):
        """And before start returns."""
        script = ("pid=$(sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p'); "
                  f"tr '\\0' ' ' <\"/proc/$pid/cmdline\" >'{self.notes}/cmdline'")
        self.create("c", {"hooks": {"poststart": [self.shell(script)]}})
        self.works("start", "c")
        self.assertEqual((self.notes / "cmdline").read_text(), "/probe hear ")

    def test_poststop_comes_after_all_is_gone(self):
        """Steps 12 and 13: MUST be called after the container is deleted."""
        seen = self.notes / "seen"
        script = (f"'{RUNTIME}' --root '{self.root}' state c >/dev/null 2>&1; echo $? >'{seen}'; "
                  f"find /sys/fs/cgroup -path '*{self.cgroup}*' -print >>'{seen}'")
        self.whole_life({"hooks": {"poststop": [self.shell(script)]}})
        self.assertEqual(seen.read_text(), "1\n")

    def test_they_run_in_the_namespaces_they_are_for(self):
        ours = {f"ns.{kind}": os.readlink(f"/proc/self/ns/{kind}") for kind in NAMESPACES}
        self.create("c", {"hooks": self.notes_of_all()})
        self.works("start", "c")
        pid = self.state("c")["pid"]
        theirs = {f"ns.{kind}": os.readlink(f"/proc/{pid}/ns/{kind}") for kind in NAMESPACES}
        self.works("delete", "--force", "c")
        for kind in KINDS:
            said = self.said_by(kind)
            expected = theirs if kind in INSIDE else ours
            for name in NAMESPACES:
                with self.subTest(hook=kind, namespace=name):
                    self.assertEqual(said[f"ns.{name}"], expected[f"ns.{name}"])
        self.assertFalse(set(ours.values()) & {theirs["ns.mnt"], theirs["ns.pid"]})

    def test_where_their_path_is_looked_for(self):
        """startContainer: in the container; the others: where the runtime is. Where the other place
        has something of that name, it is not the one that runs."""
        wrong = {"args": ["hook", "exit", "9"]}
        only_inside = self.bundle / "rootfs/only-inside"
        shutil.copy(self.probe, only_inside)
        hooks = self.notes_of_all()
        hooks["startContainer"][0]["path"] = "/only-inside"
        self.whole_life({"hooks": hooks})
        self.assertEqual(sorted(self.order()), sorted(KINDS))
        for kind in KINDS:
            path = self.probe if kind == "startContainer" else "/only-inside"
            hook = {"path": path, **wrong}
            with self.subTest(hook=kind):
                self.not_found(kind, hook)

    def not_found(self, kind, hook):
        """A hook whose program is not there fails as one that exits badly does."""
        self.write({"hooks": {kind: [hook]}})
        if kind in ON_CREATE:
            message = self.fails("create", "--bundle", self.bundle, "c")
        else:
            self.create("c", config=False)
            result = self.runtime("start", "c")
            if kind != "poststop":
                message = result.stderr
            result = self.runtime("delete", "--force", "c")
            if kind == "poststop":
                message = result.stderr
        self.assertIn(f"hooks.{kind}[0]", message)
        self.assertIn(hook["path"], message)
        self.assert_nothing_left("c")


class Given(Hooks):
    def test_the_state_on_stdin(self):
        annotations = {"org.example.one": "1", "org.example.two": "deux \"\\ \n"}
        pid = self.whole_life({"hooks": self.notes_of_all(), "annotations": annotations})
        for kind in KINDS:
            with self.subTest(hook=kind):
                state = self.state_given_to(kind)
                self.assertEqual(state["ociVersion"], self.default["ociVersion"])
                self.assertEqual((state["id"], state["status"]), ("c", STATUS[kind]))
                self.assertEqual(state["bundle"], str(self.bundle))
                self.assertEqual(state["annotations"], annotations)
                # "as seen by the runtime", and for hooks inside "by the container"
                expected = {"poststop": 0}.get(kind, 1 if kind in INSIDE else pid)
                self.assertEqual(state.get("pid", 0), expected)

    def test_a_state_bigger_than_a_pipe(self):
        """Read or not: who does not read it is no reason to wait or to fail."""
        annotations = {"org.example.big": "x" * 300_000}
        hooks = {kind: [{"path": "/bin/true", "args": ["true"]}, self.note(kind)]
                 for kind in ("prestart", "createRuntime", "createContainer", "poststart",
                              "poststop")}
        self.whole_life({"hooks": hooks, "annotations": annotations})
        for kind in hooks:
            self.assertEqual(self.state_given_to(kind)["annotations"], annotations)

    def test_their_own_arguments_and_environment_and_no_more(self):
        """args and env have the semantics of execv's argv and of environ: nothing is added."""
        hooks = self.notes_of_all()
        for kind in KINDS:
            hooks[kind][0]["args"] += ["", "last one"]
            hooks[kind].append(self.note(kind, f"{kind}.env", env=["A=1", "PATH=", "B=two words"]))
        env = {**os.environ, "SECRET": "of the runtime"}
        self.write({"hooks": hooks, "process.env": ["SECRET=of the program"]})
        self.works("create", "--bundle", self.bundle, "c", env=env)
        self.works("start", "c", env=env)
        self.works("delete", "--force", "c", env=env)
        for kind in KINDS:
            with self.subTest(hook=kind):
                said = self.said_by(kind)
                self.assertEqual(said["env"], [])
                given = [said[f"arg{i}"] for i in range(6) if f"arg{i}" in said]
                self.assertEqual(given, hooks[kind][0]["args"])
                self.assertEqual(self.said_by(f"{kind}.env")["env"],
                                 ["A=1", "PATH=", "B=two words"])

    def test_no_descriptor_but_the_three(self):
        self.whole_life({"hooks": self.notes_of_all()})
        for kind in KINDS:
            with self.subTest(hook=kind):
                self.assertEqual(self.said_by(kind)["descriptors"], "0 1 2")

    def test_a_hook_may_ask_for_the_state(self):
        """Nothing is locked meanwhile that state needs; it says what the hook was told."""
        kinds = ["prestart", "createRuntime", "poststart"]
        ask = f"'{RUNTIME}' --root '{self.root}' state c >'{self.notes}"
        hooks = {kind: [self.shell(f"{ask}/{kind}'")] for kind in kinds}
        pid = self.create("c", {"hooks": hooks})
        self.works("start", "c")
        for kind in kinds:
            with self.subTest(hook=kind):
                state = json.loads((self.notes / kind).read_text())
                self.assertEqual((state["id"], state["status"]), ("c", STATUS[kind]))
                self.assertEqual(state["pid"], pid)


class Failing(Hooks):
    def stop_note(self):
        return {"poststop": [self.note("poststop")]}

    def test_before_the_start_it_ends_the_creation(self):
        """Steps 3 to 5: generate an error, stop the container, continue at step 12."""
        for kind in ON_CREATE:
            with self.subTest(hook=kind):
                bad = self.shell("echo told you so >&2; exit 3")
                hooks = {kind: [self.note(kind), bad, self.note(kind, "never")],
                         **self.stop_note()}
                (self.notes / "order").unlink(missing_ok=True)
                self.write({"hooks": hooks})
                message = self.fails("create", "--bundle", self.bundle, "c",
                                     part=f"hooks.{kind}[1]")
                self.assertIn("told you so", message)
                self.assertEqual(self.order(), [kind, "poststop"])
                self.assertEqual(self.state_given_to("poststop")["status"], "stopped")
                self.assert_nothing_left("c")

    def test_at_the_start_it_ends_the_start(self):
        """Step 7. What a failed start leaves can be deleted, and poststop comes once."""
        bad = {"path": "/probe", "args": ["hook", "exit", "3"]}
        self.create("c", {"hooks": {"startContainer": [bad], **self.stop_note()},
                          "process.args": ["/probe", "note", "/notes", "program"]})
        self.fails("start", "c", part="hooks.startContainer[0]")
        until(lambda: self.reap_orphans() or not self.processes(), "the container stops")
        self.works("delete", "--force", "c")
        self.assertEqual(self.order(), ["poststop"])
        self.assert_nothing_left("c")

    @unittest.skipUnless(BUSYBOX.exists(), "there is no static /bin/busybox")
    def test_at_the_start_it_is_quoted(self):
        shutil.copy(BUSYBOX, self.bundle / "rootfs/busybox")
        bad = {"path": "/busybox", "args": ["sh", "-c", "echo told you so >&2; exit 3"]}
        self.create("c", {"hooks": {"startContainer": [bad]}})
        self.assertIn("told you so", self.fails("start", "c", part="hooks.startContainer[0]"))

    def test_after_the_start_it_ends_the_container(self):
        """Step 9 of version 1.3: generate an error, stop the container, continue at step 12. (Up to
        1.2 it was a warning.)"""
        bad = self.shell("echo told you so >&2; exit 3")
        hooks = {"poststart": [self.note("poststart"), bad, self.note("poststart", "never")],
                 **self.stop_note()}
        ways = {"start": ["start", "c"], "run": ["run", "--detach", "--bundle", self.bundle, "c"],
                "foreground": ["run", "--bundle", self.bundle, "c"]}
        for way, arguments in ways.items():
            with self.subTest(way=way):
                (self.notes / "order").unlink(missing_ok=True)
                self.write({"hooks": hooks})
                if way == "start":
                    self.create("c", config=False)
                result = self.runtime(*arguments)
                self.assertEqual(result.returncode, 1)
                self.assertIn("hooks.poststart[1]", result.stderr)
                self.assertIn("told you so", result.stderr)
                self.assertEqual(self.order(), ["poststart", "poststop"])
                self.assertEqual(self.state_given_to("poststop")["status"], "stopped")
                until(lambda: self.reap_orphans() or not self.processes(), "the container stops")
                self.assert_nothing_left("c")

    def test_after_the_stop_it_is_a_warning(self):
        """Step 13: log a warning; the remaining hooks and the lifecycle continue."""
        hooks = {"poststop": [self.shell("echo told you so >&2; exit 3"), self.note("poststop")]}
        self.start("c", {"hooks": hooks})
        result = self.runtime("delete", "--force", "c")
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertIn("hooks.poststop[0]", result.stderr)
        self.assertIn("told you so", result.stderr)
        self.assertEqual(self.order(), ["poststop"])
        self.assert_nothing_left("c")

    def test_one_that_worked_is_no_reason_for_what_fails_later(self):
        self.write({"hooks": {"createContainer": [{"path": "/bin/true"}]},
                    "process.cwd": "/probe"})  # a file
        said = self.fails("create", "--bundle", self.bundle, "c", part="process.cwd")
        self.assertTrue(said.strip().endswith("Not a directory"), said)

    def test_by_a_signal(self):
        self.write({"hooks": {"createRuntime": [self.shell("kill -TERM $$")]}})
        message = self.fails("create", "--bundle", self.bundle, "c", part="hooks.createRuntime[0]")
        self.assertRegex(message, r"signal 15|SIGTERM|[Tt]erminated")
        self.assert_nothing_left("c")

    def test_for_want_of_a_program(self):
        missing, plain = self.bundle / "missing", self.bundle / "plain"
        plain.write_text("not to be executed\n")
        plain.chmod(stat.S_IRUSR)
        for kind in ON_CREATE:
            for path in (missing, plain):
                with self.subTest(hook=kind, path=path.name):
                    self.write({"hooks": {kind: [{"path": str(path)}]}})
                    message = self.fails("create", "--bundle", self.bundle, "c",
                                         part=f"hooks.{kind}[0]")
                    self.assertIn(str(path), message)
                    self.assert_nothing_left("c")

    def test_a_path_must_be_absolute_and_a_timeout_positive(self):
        for changes, part in (({"path": "bin/true"}, "path"), ({"timeout": 0}, "timeout"),
                              ({"timeout": -1}, "timeout")):
            with self.subTest(**changes):
                hook = {"path": "/bin/true", **changes}
                self.write({"hooks": {"poststop": [hook]}})
                self.fails("create", "--bundle", self.bundle, "c", part=f"hooks.poststop[0].{part}")
                self.assert_nothing_left("c")

    def test_one_that_talks_a_lot(self):
        """4 MiB on each stream: nothing waits for them to be read, and a message stays readable."""
        spew = {"path": self.probe, "args": ["hook", "spew", str(4 << 20)]}
        self.write({"hooks": {"createRuntime": [spew]}, "process.args": ["/probe", "exit", "0"]})
        self.works("run", "--bundle", self.bundle, "c")
        spew = self.shell(f"'{self.probe}' spew {4 << 20}; exit 3")
        self.write({"hooks": {"createRuntime": [spew]}})
        message = self.fails("create", "--bundle", self.bundle, "c", part="hooks.createRuntime[0]")
        self.assertLess(len(message), 64 << 10)

    def test_one_that_leaves_a_child_with_its_streams(self):
        """The hook has ended when it has, not when the last holder of its stderr has."""
        pid_file = self.notes / "pid"
        script = f"/bin/sleep 1000 & echo $! >'{pid_file}'"
        self.create("c", {"hooks": {"createRuntime": [self.shell(script)]}})
        child = int(pid_file.read_text())
        if alive(child):  # whether it may live on is the runtime's to say
            os.kill(child, signal.SIGKILL)


class Hanging(Hooks):
    """Hooks that write down who they are and then do not come back; the second time they do."""

    def setUp(self):
        super().setUp()
        self.pids = self.area / "pids"

    def hang(self, **more):
        script = (f"[ -e '{self.pids}' ] && exit; /bin/sleep 1000 & echo $$ $! >'{self.pids}.new'; "
                  f"mv '{self.pids}.new' '{self.pids}'; wait")
        return self.shell(script, **more)

    def hanging(self):
        return [int(word) for word in self.pids.read_text().split()]

    def test_a_timeout_ends_all_of_it(self):
        for kind in ON_CREATE:
            with self.subTest(hook=kind):
                self.pids.unlink(missing_ok=True)
                (self.notes / "order").unlink(missing_ok=True)
                self.write({"hooks": {kind: [self.hang(timeout=1)],
                                      "poststop": [self.note("poststop")]}})
                message = self.fails("create", "--bundle", self.bundle, "c",
                                     part=f"hooks.{kind}[0]")
                self.assertRegex(message, r"(?i)time.?out|timed out|in time|second")
                self.assert_hook_ended(kind)
                self.assertEqual(self.order(), ["poststop"])
                self.assert_nothing_left("c")

    def assert_hook_ended(self, kind):
        """It and its child are gone; inside, its pids were others, and there all goes at once."""
        if kind not in INSIDE:
            until(lambda: not any(alive(pid) for pid in self.hanging()), "hook and child end")
        until(lambda: self.reap_orphans() or not self.processes(), "nothing of it is left")

    def test_a_timeout_after_the_start(self):
        self.create("c", {"hooks": {"poststart": [self.hang(timeout=1)]}})
        self.fails("start", "c", part="hooks.poststart[0]")
        self.assert_hook_ended("poststart")
        self.assert_nothing_left("c")

    @unittest.skipUnless(BUSYBOX.exists(), "there is no static /bin/busybox")
    def test_a_timeout_at_the_start(self):
        shutil.copy(BUSYBOX, self.bundle / "rootfs/busybox")
        hang = {"path": "/busybox", "timeout": 1,
                "args": ["sh", "-c", "/busybox sleep 1000 & /busybox sleep 1001"]}
        self.create("c", {"hooks": {"startContainer": [hang]}})
        self.fails("start", "c", part="hooks.startContainer[0]")
        until(lambda: self.reap_orphans() or not self.processes(), "the container stops")
        self.works("delete", "--force", "c")
        self.assert_nothing_left("c")

    def test_a_runtime_killed_while_a_hook_hangs(self):
        """What it leaves can be deleted, and the name used again."""
        steps = {**{kind: "create" for kind in ON_CREATE}, "poststart": "start",
                 "poststop": "delete"}
        for kind, command in steps.items():
            with self.subTest(hook=kind):
                self.pids.unlink(missing_ok=True)
                self.write({"hooks": {kind: [self.hang()]}})
                if command != "create":
                    self.create("c", config=False)
                arguments = {"create": ["create", "--bundle", self.bundle, "c"],
                             "start": ["start", "c"], "delete": ["delete", "--force", "c"]}
                running = self.spawn(*arguments[command])
                until(self.pids.exists, f"the hook of {kind} hangs")
                os.kill(running.pid, signal.SIGKILL)
                running.wait()
                self.works("delete", "--force", "c")
                self.end_hook(kind)
                until(lambda: self.reap_orphans() or not self.processes(), "nothing is left")
                self.assert_nothing_left("c")
                self.write({"process.args": ["/probe", "exit", "0"]})
                self.works("run", "--bundle", self.bundle, "c")

    def end_hook(self, kind):
        """A hook on the host may outlive its runtime; one inside goes with the container."""
        for pid in self.hanging() if kind not in INSIDE else []:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
