"""The lifecycle of a container, as the specification's runtime.md has it: each quotation is from
its section "State", "Lifecycle", or that of the operation. NOT_RUNNING and MISSING are words that
engines look for in messages."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from lifecycle import RUNTIME, Containers, alive, executes, process_state, until

NOT_RUNNING = "container not running"
MISSING = "does not exist"
SEMVER = r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"
RFC3339 = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$"


class Lifecycle(Containers):
    def check_state(self, state, name, status, pid):
        """Each member as "State" and schema/state-schema.json have it."""
        self.assertRegex(state["ociVersion"], SEMVER)
        self.assertEqual((state["id"], state["status"]), (name, status))
        self.assertEqual(state["bundle"], os.path.realpath(self.bundle))  # "the absolute path"
        for key, value in state.get("annotations", {}).items():
            self.assertIsInstance(value, str, key)
        if status == "stopped":
            self.assertEqual(state.get("pid", 0), 0)
        else:  # "pid (int, REQUIRED when status is created or running on Linux)"
            self.assertIs(type(state["pid"]), int)
            self.assertEqual(state["pid"], pid)

    def program_of(self, pid):
        return executes(pid, self.bundle / "rootfs/probe")

    def test_from_create_to_delete(self):
        # "Lifecycle" 2: "While the resources requested in the config.json MUST be created, the
        # user-specified program MUST NOT be run at this time."
        pid = self.create("one")
        self.check_state(self.state("one"), "one", "created", pid)
        self.assertTrue(alive(pid))
        self.assertFalse(self.program_of(pid))
        for kind in ("mnt", "pid", "net", "ipc", "uts"):
            self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/{kind}"),
                                os.readlink(f"/proc/self/ns/{kind}"))
        # "Start": "This operation MUST run the user-specified program as specified by process."
        self.works("start", "one")
        until(lambda: self.said() == "ready\n", "the program says it is there")
        self.check_state(self.state("one"), "one", "running", pid)
        self.assertTrue(self.program_of(pid))
        # "Kill": "This operation MUST send the specified signal to the container process."
        self.works("kill", "one", "USR1")
        until(lambda: self.said() == "ready\nsignal 10\n", "the program hears the signal")
        self.works("kill", "one", "TERM")
        until(lambda: not alive(pid), "the program ends")
        # "State": "stopped: the container process has exited"; even when nobody reaped it yet.
        self.assertEqual(process_state(pid), "Z")
        self.check_state(self.state("one"), "one", "stopped", pid)
        self.assertEqual(self.reap(pid), 0)
        self.check_state(self.state("one"), "one", "stopped", pid)
        # "Delete": "Deleting a container MUST delete the resources that were created during the
        # create step."
        self.works("delete", "one")
        self.assert_nothing_left("one")
        # "Query State": "Attempting to query a container that does not exist MUST generate an
        # error."
        self.fails("state", "one", part=MISSING)
        # "Once a container is deleted its ID MAY be used by a subsequent container."
        again = self.start("one")
        self.assertEqual(self.status("one"), "running")
        self.works("kill", "one", "KILL")
        self.assertEqual(self.reap(again), -signal.SIGKILL)
        self.works("delete", "one")
        self.assert_nothing_left("one")

    def test_state_has_the_annotations_and_what_engines_read(self):
        annotations = {"org.example.key": "value", "empty": "", "ünïcode": "\"\\\n\t☃"}
        self.create("one", {"annotations": annotations})
        state = self.state("one")
        self.assertEqual(state["annotations"], annotations)
        self.assertEqual(os.path.realpath(state["rootfs"]), str(self.bundle / "rootfs"))
        self.assertRegex(state["created"], RFC3339)
        self.assertIn("owner", state)

    def test_commands_that_succeed_print_nothing(self):
        # go-runc reads stdout and stderr of `state` as one text.
        self.create("one")
        for args in (["start", "one"], ["kill", "one", "KILL"]):
            result = self.runtime(*args)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""), args)
        self.await_status("one", "stopped")
        self.assertEqual(self.runtime("state", "one").stderr, "")
        result = self.runtime("delete", "one")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_changes_of_the_config_after_create_have_no_effect(self):
        # "Lifecycle" 2: "Any updates to config.json after this step MUST NOT affect the container."
        for name, text in (("other", json.dumps({**self.default, "hostname": "changed", "process": {
                **self.default["process"], "args": ["/probe", "exit", "9"]}})),
                           ("broken", "{"), ("gone", None)):
            with self.subTest(name):
                pid = self.create(name)
                before = self.state(name)
                if text is None:
                    self.path.unlink()
                else:
                    self.path.write_text(text)
                self.assertEqual(self.state(name), before)
                heard = self.said().count("ready")
                self.works("start", name)
                until(lambda: self.said().count("ready") > heard, "the first program")
                self.works("kill", name, "TERM")
                self.assertEqual(self.reap(pid), 0)
                self.works("delete", name)

    def test_arguments_that_are_missing(self):
        # Each operation "MUST generate an error if it is not provided" the id.
        self.create("one")
        for args in (["state"], ["start"], ["kill"], ["delete"], ["exec"], ["exec", "one"],
                     ["create", "--bundle", str(self.bundle)]):
            result = self.runtime(*args)
            self.assertNotEqual(result.returncode, 0, args)
            self.assertRegex(result.stderr + result.stdout, r"\S", args)
        self.assertEqual((self.status("one"), self.listed()), ("created", ["one"]))


class Create(Containers):
    def test_what_cannot_be_applied_leaves_nothing(self):
        # "Create": "If the runtime cannot apply a property as specified in the configuration, it
        # MUST generate an error and a new container MUST NOT be created."
        end = len(self.default["mounts"])
        missing = {"destination": "/data", "type": "bind", "source": "/not/there",
                   "options": ["bind"]}
        for changes, part in (({f"mounts.{end}": missing}, "/not/there"),
                              ({"linux.namespaces.0.type": "none"}, "none"),
                              ({"root.path": "nowhere"}, "nowhere"),
                              ({"process.cwd": "/probe"}, "/probe")):
            with self.subTest(part=part):
                self.write(changes)
                self.fails("create", "--bundle", self.bundle, "one", part=part)
                self.assert_nothing_left("one")
        self.create("one")  # the name is free

    def test_a_program_that_is_missing_is_told_by_create(self):
        # What podman turns into exit code 127.
        for program in ("/not/there", "nowhere-in-path"):
            self.write({"process.args": [program]})
            message = self.fails("create", "--bundle", self.bundle, "one", part=program)
            self.assertRegex(message.lower(),
                             "no such file or directory|executable file not found in")
            self.assert_nothing_left("one")

    def test_a_config_without_process_is_never_started(self):
        # "Start": "This operation MUST generate an error if process was not set."
        config = {k: v for k, v in self.default.items() if k != "process"}
        self.write(text=json.dumps(config))
        if self.runtime("create", "--bundle", self.bundle, "one").returncode == 0:
            self.assertEqual(self.status("one"), "created")
            self.fails("start", "one", part="process")
            self.works("delete", "--force", "one")
        self.assert_nothing_left("one")

    def test_a_name_in_use_is_refused_and_the_first_unharmed(self):
        # "Create": "If the ID provided is not unique across all containers within the scope of the
        # runtime […] the implementation MUST generate an error and a new container MUST NOT be
        # created."
        pid = self.create("one")
        for status in ("created", "running", "stopped"):
            with self.subTest(status):
                before, entries = self.state("one"), self.entries()
                self.assertEqual(before["status"], status)
                self.write({"process.args": ["/probe", "exit", "9"]})
                for command in ("create", "run"):
                    self.fails(command, "--bundle", self.bundle, "one", part="exist")
                self.assertEqual((self.state("one"), self.entries()), (before, entries))
            if status == "created":
                self.works("start", "one")
                until(lambda: self.said() == "ready\n", "the first program")
            elif status == "running":
                self.works("kill", "one", "TERM")
                self.assertEqual(self.reap(pid), 0)

    def test_the_bundle_may_be_relative(self):
        self.default["linux"].pop("cgroupsPath", None)  # each its own
        self.write()
        for number, (path, cwd) in enumerate(((".", self.bundle), ("..", self.bundle / "rootfs"),
                                              (self.bundle.name, self.bundle.parent))):
            self.works("create", "--bundle", path, f"n{number}", cwd=cwd)
            self.assertEqual(self.state(f"n{number}")["bundle"], os.path.realpath(self.bundle))
        self.works("create", "here", cwd=self.bundle)
        self.assertEqual(self.state("here")["bundle"], os.path.realpath(self.bundle))

    def test_the_pid_file_holds_the_pid(self):
        for command in (["create"], ["run", "--detach"]):
            path = self.area / f"pid-{command[0]}"
            for text in ("", "an old one that is longer than a pid\n"):
                path.write_text(text)
                self.write()
                self.works(*command, "--bundle", self.bundle, "--pid-file", path, "one")
                self.assertEqual(int(path.read_text()), self.state("one")["pid"])
                self.works("delete", "--force", "one")

    def test_a_pid_file_that_cannot_be_written_is_an_error(self):
        self.write()
        self.fails("create", "--bundle", self.bundle, "--pid-file", "/not/there/pid", "one",
                   part="/not/there")
        self.assert_nothing_left("one")

    def test_the_container_outlives_create_and_its_caller(self):
        # The caller's whole session gets what a closed terminal and a shell's end would send.
        self.write()
        script = ("import subprocess, sys\n"
                  "sys.exit(subprocess.run(sys.argv[1:]).returncode)\n")
        caller = subprocess.Popen(
            [sys.executable, "-c", script, RUNTIME, "--root", self.root, "create", "--bundle",
             self.bundle, "one"], start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=open(self.said_file, "ab"), stderr=subprocess.DEVNULL)
        self.assertEqual(caller.wait(60), 0)
        pid = self.state("one")["pid"]
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(caller.pid, number)
            except ProcessLookupError:
                pass  # nothing is left in that group
        self.assertTrue(alive(pid))
        self.works("start", "one")
        until(lambda: self.said() == "ready\n", "the program")
        self.assertEqual(self.status("one"), "running")

    def test_run_deletes_when_the_program_ends_and_keeps_when_asked(self):
        self.write({"process.args": ["/probe", "exit", "3"]})
        self.assertEqual(self.runtime("run", "--bundle", self.bundle, "one").returncode, 3)
        self.assert_nothing_left("one")
        self.write()
        running = self.spawn("run", "--bundle", self.bundle, "one")
        until(lambda: "one" in self.listed() and self.status("one") == "running", "it runs")
        self.works("kill", "one", "KILL")
        self.assertEqual(running.wait().returncode, 128 + signal.SIGKILL)
        self.assert_nothing_left("one")
        self.write({"process.args": ["/probe", "exit", "4"]})
        result = self.runtime("run", "--keep", "--bundle", self.bundle, "one")
        self.assertEqual((result.returncode, self.status("one")), (4, "stopped"))
        self.works("delete", "one")
        self.assert_nothing_left("one")

    def test_run_detached_returns_when_the_program_runs(self):
        self.write()
        with open(self.said_file, "ab") as said:
            self.works("run", "--detach", "--bundle", self.bundle, "one", stdout=said)
        state = self.state("one")
        self.assertEqual(state["status"], "running")
        self.assertTrue(executes(state["pid"], self.bundle / "rootfs/probe"))
        until(lambda: self.said() == "ready\n", "the program")


class Start(Containers):
    def test_a_second_start_is_an_error_without_effect(self):
        # "Start": "Attempting to start a container that is not created MUST have no effect on the
        # container and MUST generate an error."
        pid = self.start("one")
        before = self.state("one")
        self.fails("start", "one")
        self.assertEqual(self.state("one"), before)
        self.works("kill", "one", "USR1")
        until(lambda: self.said() == "ready\nsignal 10\n", "the program hears")
        self.works("kill", "one", "TERM")
        self.assertEqual(self.reap(pid), 0)
        self.fails("start", "one")
        self.assertEqual(self.status("one"), "stopped")
        self.assertEqual(self.said(), "ready\nsignal 10\nsignal 15\n")

    def test_of_many_starts_at_once_one_wins(self):
        for number in range(10):
            name = f"n{number}"
            self.create(name)
            heard = self.said().count("ready")
            starts = [self.spawn("start", name) for _ in range(8)]
            results = [start.wait() for start in starts]
            codes = sorted(result.returncode for result in results)
            self.assertEqual(codes, [0] + [1] * 7, [result.stderr for result in results])
            until(lambda: self.said().count("ready") > heard, "the program")
            self.assertEqual(self.status(name), "running")
            self.works("delete", "--force", name)
            self.assertEqual(self.said().count("ready"), heard + 1)

    def test_a_container_that_died_before_it_was_started(self):
        for reaped in (False, True):
            with self.subTest(reaped=reaped):
                pid = self.create("one")
                os.kill(pid, signal.SIGKILL)
                until(lambda: not alive(pid), "it ends")
                if reaped:
                    self.reap(pid)
                self.fails("start", "one")
                self.assertEqual((self.status("one"), self.said()), ("stopped", ""))
                self.works("delete", "one")
                self.assert_nothing_left("one")

    def test_a_program_that_cannot_be_executed_is_told_by_create_or_start(self):
        # A text without "#!" is found and executable, and execve(2) says ENOEXEC.
        text = self.bundle / "rootfs/text"
        text.write_text("no program\n")
        text.chmod(0o755)
        self.write({"process.args": ["/text"]})
        result = self.runtime("create", "--bundle", self.bundle, "one")
        if result.returncode == 0:
            result = self.runtime("start", "one")
            self.assertEqual(result.returncode, 1)
            self.await_status("one", "stopped")
            self.works("delete", "one")
        self.assertIn("/text", result.stderr)
        self.assert_nothing_left("one")


class Kill(Containers):
    def test_signals_by_number_name_and_default(self):
        pid = self.start("one")
        heard = "ready\n"
        for word, number in (("10", 10), ("USR1", 10), ("SIGUSR1", 10), ("usr2", 12),
                             ("RTMIN+1", signal.SIGRTMIN + 1), ("INT", 2), ("1", 1)):
            self.works("kill", "one", word)
            heard += f"signal {number:d}\n"
            until(lambda: self.said() == heard, f"{word} is heard")
        for word in ("NONSENSE", "-1", "65", "1000", "9x", "", "SIG"):
            self.assertNotEqual(self.runtime("kill", "one", word).returncode, 0, f"{word!r}")
        self.assertTrue(alive(pid))
        self.works("kill", "one")  # SIGTERM
        self.assertEqual(self.reap(pid), 0)
        self.assertEqual(self.said(), heard + "signal 15\n")

    def test_a_created_container_can_be_killed(self):
        # "Kill": an error only for "a container that is neither created nor running".
        pid = self.create("one")
        self.works("kill", "one", "KILL")
        self.assertEqual(self.reap(pid), -signal.SIGKILL)
        self.assertEqual((self.status("one"), self.said()), ("stopped", ""))

    def test_a_stopped_container_cannot_be_killed(self):
        # "Kill": "Attempting to send a signal to a container that is neither created nor running
        # MUST have no effect on the container and MUST generate an error."
        pid = self.start("one")
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid), "it ends")
        for _ in ("a zombie", "reaped"):
            for number in ("KILL", "TERM"):
                self.fails("kill", "one", number, part=NOT_RUNNING)
            self.assertEqual(self.status("one"), "stopped")
            if process_state(pid):
                self.reap(pid)

    def test_unknown_containers(self):
        self.create("one")
        for args in (["state"], ["start"], ["kill"], ["delete"], ["exec"]):
            more = ["KILL"] if args == ["kill"] else ["/probe"] if args == ["exec"] else []
            result = self.runtime(*args, "two", *more)
            self.assertNotEqual(result.returncode, 0, args)
            self.assertIn(MISSING, result.stderr, args)
        self.assertEqual((self.status("one"), self.listed()), ("created", ["one"]))

    def test_all_processes_are_signalled_when_asked(self):
        self.start("one")
        with open(self.said_file, "ab") as said:
            self.works("exec", "--detach", "one", "/probe", "hear", stdout=said)
        until(lambda: self.said().count("ready") == 2, "both hear")
        self.works("kill", "one", "USR1")
        until(lambda: "signal 10" in self.said(), "the first hears")
        self.works("kill", "--all", "one", "USR2")
        until(lambda: self.said().count("signal 12") == 2, "both hear")
        self.assertEqual(self.said().count("signal 10"), 1)

    def test_a_process_that_took_over_the_pid_is_left_alone(self):
        pid = self.create("one")
        os.kill(pid, signal.SIGKILL)
        self.reap(pid)
        other = self.take_pid(pid)
        try:
            self.assertEqual(self.status("one"), "stopped")
            self.fails("kill", "one", "KILL", part=NOT_RUNNING)
            self.fails("start", "one")
            self.works("delete", "--force", "one")
            self.assertIsNone(other.poll())
        finally:
            other.kill()
            other.wait()


class Delete(Containers):
    def test_only_a_stopped_container_is_deleted(self):
        # "Delete": "Attempting to delete a container that is not stopped MUST have no effect on the
        # container and MUST generate an error."
        pid = self.create("one")
        before, entries = self.state("one"), self.entries()
        self.fails("delete", "one")
        self.assertEqual((self.state("one"), self.entries()), (before, entries))
        self.works("start", "one")
        until(lambda: self.said() == "ready\n", "the program")
        before, entries = self.state("one"), self.entries()
        self.fails("delete", "one")
        self.assertEqual((self.state("one"), self.entries()), (before, entries))
        self.works("kill", "one", "TERM")
        self.assertEqual(self.reap(pid), 0)

    def test_what_the_container_did_not_make_stays(self):
        # "Delete": "resources associated with the container, but not created by this container,
        # MUST NOT be deleted."
        shared = self.area / "shared"
        shared.mkdir()
        (shared / "file").write_text("kept")
        end = len(self.default["mounts"])
        mount = {"destination": "/shared", "type": "bind", "source": str(shared),
                 "options": ["bind", "rw"]}
        self.write()
        before = set(self.bundle.rglob("*"))
        pid = self.start("one", {f"mounts.{end}": mount})
        self.works("kill", "one", "KILL")
        self.reap(pid)
        self.works("delete", "one")
        self.assert_nothing_left("one")
        self.assertEqual((shared / "file").read_text(), "kept")
        self.assertLessEqual(before, set(self.bundle.rglob("*")))

    def test_forced_from_every_state(self):
        self.create("created")
        self.start("running")
        stopped = self.start("stopped")
        self.works("kill", "stopped", "KILL")
        until(lambda: not alive(stopped), "it ends")
        for name in ("created", "running", "stopped"):
            others = set(self.listed()) - {name}
            self.works("delete", "--force", name)
            self.fails("state", name, part=MISSING)
            self.assertEqual(set(self.listed()), others)
        self.assert_nothing_left("created")
        self.assertEqual(self.entries(), [])

    def test_forced_where_nothing_is(self):
        result = self.runtime("delete", "--force", "one")  # also before the state root is there
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
        self.create("two")
        self.works("delete", "--force", "one")
        self.assertEqual(self.listed(), ["two"])


class SharedPids(Containers):
    """Without a pid namespace the kernel does not end the others when the first process ends
    (pid_namespaces(7)): the runtime must."""

    def setUp(self):
        super().setUp()
        namespaces = self.default["linux"]["namespaces"]
        self.default["linux"]["namespaces"] = [n for n in namespaces if n["type"] != "pid"]
        self.default["process"]["args"] = ["/probe", "daemons", "3"]

    def test_every_process_ends(self):
        bystander = subprocess.Popen([self.bundle / "rootfs/probe", "wait"])
        try:
            for how in (["kill", "one", "KILL"], ["kill", "one", "9"],
                        ["delete", "--force", "one"]):
                with self.subTest(how=how):
                    self.start("one")
                    self.assertEqual(len(self.processes()), 1 + 1 + 3)
                    self.works(*how)
                    until(lambda: self.processes() == [bystander.pid], "all but one end")
                    if how[0] == "kill":
                        self.await_status("one", "stopped")
                        self.works("delete", "one")
                    self.assertEqual((self.cgroups(), self.listed()), ([], []))
            self.assertIsNone(bystander.poll())
        finally:
            bystander.kill()
            bystander.wait()

    def test_those_that_outlive_the_first_end_with_delete(self):
        pid = self.start("one")
        os.kill(pid, signal.SIGKILL)
        self.reap(pid)
        self.assertEqual((self.status("one"), len(self.processes())), ("stopped", 3))
        self.works("delete", "--force", "one")
        until(lambda: not self.processes(), "the daemons end")
        self.assert_nothing_left("one")


class Pause(Containers):
    def cgroup_of(self, pid):
        """The one that a process can be frozen by: of the v1 freezer, where it is in one that is
        not the root, or of v2 (cgroups(7))."""
        own = {line.split(":", 2)[1]: line.split(":", 2)[2]
               for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()}
        kind = "freezer" if own.get("freezer", "/") != "/" else ""
        places = [Path("/sys/fs/cgroup", name) for name in ("freezer", "unified", "")]
        file = "freezer.state" if kind else "cgroup.events"
        found = [Path(f"{place}{own[kind]}") for place in places
                 if Path(f"{place}{own[kind]}", file).exists()]
        self.assertTrue(found, "the container is in no cgroup that can be frozen")
        return found[0]

    def frozen(self, pid):
        """What the kernel says."""
        cgroup = self.cgroup_of(pid)
        if (cgroup / "freezer.state").exists():
            return (cgroup / "freezer.state").read_text().strip() == "FROZEN"
        return "frozen 1" in (cgroup / "cgroup.events").read_text()

    def test_paused_processes_stand_still_until_resumed(self):
        pid = self.start("one")
        self.assertFalse(self.frozen(pid))
        self.works("pause", "one")
        self.assertTrue(self.frozen(pid))
        self.assertEqual((self.status("one"), self.state("one")["pid"]), ("paused", pid))
        self.works("kill", "one", "USR1")
        self.fails("pause", "one")
        self.fails("start", "one")
        self.fails("delete", "one")
        self.assertEqual((self.status("one"), self.said()), ("paused", "ready\n"))
        self.works("resume", "one")
        self.assertFalse(self.frozen(pid))
        self.assertEqual(self.status("one"), "running")
        until(lambda: self.said() == "ready\nsignal 10\n", "the signal is heard")
        self.fails("resume", "one")

    def test_pause_and_resume_of_what_does_not_run(self):
        for command in ("pause", "resume"):
            self.fails(command, "none", part=MISSING)
        pid = self.start("one")
        self.works("kill", "one", "KILL")
        self.reap(pid)
        for command in ("pause", "resume"):
            self.fails(command, "one")
        self.assertEqual(self.status("one"), "stopped")

    def test_exec_waits_for_resume_only_when_asked(self):
        pid = self.start("one")
        self.works("pause", "one")
        result = self.runtime("exec", "one", "/probe", "exit", "0")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("paused", result.stderr)
        waiting = self.spawn("exec", "--ignore-paused", "one", "/probe", "exit", "3")
        members = self.cgroup_of(pid) / "cgroup.procs"
        until(lambda: len(members.read_text().split()) > 1, "another process is in the cgroup")
        self.assertIsNone(waiting.process.poll())
        self.works("resume", "one")
        self.assertEqual(waiting.wait().returncode, 3)

    def test_a_paused_container_can_be_killed_and_deleted(self):
        pid = self.start("one")
        self.works("pause", "one")
        self.works("kill", "one", "KILL")
        self.assertEqual(self.reap(pid), -signal.SIGKILL)
        self.assertEqual(self.status("one"), "stopped")
        self.works("delete", "one")
        self.assert_nothing_left("one")
        self.start("one")
        self.works("pause", "one")
        self.works("delete", "--force", "one")
        self.assert_nothing_left("one")

    def test_ps_has_the_pids_of_the_host(self):
        pid = self.start("one")
        path = self.area / "pid"
        self.works("exec", "--detach", "--pid-file", path, "one", "/probe", "wait")
        pids = {pid, int(path.read_text())}
        self.assertEqual(set(json.loads(self.works("ps", "--format", "json", "one"))), pids)
        header, *rows = self.works("ps", "one").splitlines()
        column = header.split().index("PID")
        self.assertEqual({int(row.split()[column]) for row in rows}, pids)
        self.fails("ps", "none", part=MISSING)
