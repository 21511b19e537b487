"""ctr-oci: its commands on containers that are there, and the process in the foreground."""

import json
import os
import pwd
import signal

from lifecycle import Containers, process_state, until
from oci import BUILD, ctr_oci, run


class Running(Containers):
    """What concerns a container that is there."""

    def words(self, *options, name="c", args=("/probe", "self")):
        """What the probe says of itself in an exec, by its first word."""
        said = self.works("exec", *options, name, *args)
        return dict(line.partition(" ")[::2] for line in said.splitlines())

    def refused(self, part, *args):
        result = self.runtime("exec", *args)
        self.assertEqual((result.returncode, result.stdout), (255, ""), args)
        self.assertIn(part, result.stderr)

    def test_users_are_numbers(self):
        self.start("c")
        self.assertEqual(self.words("--user", "0")["uid"], "0 0 0")
        self.assertEqual(self.words("-u", "0:0")["gid"], "0 0 0")
        for user in ("", "0x0", "+0", "-0", " 0", "0 ", "0:", ":0", "0:0:0", ":", "root", "0:root",
                     "4294967295", "0:4294967295", "4294967296", "18446744073709551616", "0\n"):
            with self.subTest(user=user):
                self.refused("UID[:GID]", "--user", user, "c", "/probe", "exit", "0")
        for gid in ("", "0x0", "+0", "0,1", "4294967295"):
            self.refused("--additional-gids", "--additional-gids", gid, "c", "/probe", "self")

    def test_users_groups_and_capabilities_are_set(self):
        self.start("c", {"process.user": {"uid": 1, "gid": 2, "additionalGids": [3]},
                         "process.capabilities": {}})
        found = self.words("-u", "7", "-g", "8", "--additional-gids=9")
        self.assertEqual((found["uid"], found["gid"]), ("7 7 7", "2 2 2"))
        self.assertEqual(set(found["groups"].split()), {"3", "8", "9"})
        found = self.words("--user=0:5", "-c", "kill", "--cap", "CAP_CHOWN")
        self.assertEqual((found["gid"], found["CapEff"], found["CapBnd"], found["CapAmb"]),
                         ("5 5 5", f"{0x21:016x}", f"{0x21:016x}", "0" * 16))
        self.refused("'CAP_FLY' is not a capability", "-c", "CAP_FLY", "c", "/probe", "self")

    def test_exec_options_change_what_the_config_says(self):
        self.start("c", {"process.env": ["A=1", "B=2"], "process.noNewPrivileges": False})
        found = self.works("exec", "--cwd", "/proc", "-e", "A=x=y", "--env=C=3", "--env", "C=4",
                           "c", "/probe", "self").splitlines()
        self.assertEqual([line for line in found if line.startswith("env ")],
                         ["env B=2", "env A=x=y", "env C=4"])
        self.assertIn("cwd /proc", found)
        self.assertIn("NoNewPrivs 0", found)
        self.assertEqual(self.words("--no-new-privs")["NoNewPrivs"], "1")
        self.refused("process.env[2]", "-e", "novalue", "c", "/probe", "self")

    def test_exec_takes_a_process_file_and_changes_to_it(self):
        self.start("c")
        file = self.area / "process.json"
        file.write_text(json.dumps({"cwd": "/dev", "args": ["/probe", "self"], "env": ["X=1"],
                                    "user": {"uid": 0, "gid": 0}}))
        found = self.works("exec", "--process", file, "c")
        self.assertIn("cwd /dev\n", found)
        self.assertIn("env X=1\n", found)
        found = self.works("exec", "-p", file, "--cwd", "/sys", "c", "/probe", "self", "more")
        self.assertIn("cwd /sys\n", found)
        self.assertIn("arg2 more\n", found)
        self.refused("exec needs a COMMAND, or --process", "c")
        self.refused("is not a regular file", "--process", self.area, "c")
        file.write_text("{}")
        self.refused("", "--process", file, "c")

    def test_a_command_keeps_its_own_options(self):
        self.start("c")
        args = ["arg1 self", "arg2 --help", "arg3 -u", "arg4 --", "arg5 x"]
        for between in ([], ["--"]):
            found = self.works("exec", "c", *between, "/probe", "self", "--help", "-u", "--", "x")
            self.assertEqual([line for line in found.splitlines() if line.startswith("arg")][1:],
                             args)

    def test_what_is_not_to_be_had_is_refused(self):
        self.start("c")
        for option, field in (("--process-label", "process.selinuxLabel"), ("--cgroup", "--cgroup"),
                              ("--apparmor", "process.apparmorProfile")):
            self.refused(field, option, "no-such", "c", "/probe", "exit", "0")
        self.works("exec", "--process-label", "", "--apparmor=", "c", "/probe", "exit", "0")

    def test_exec_exits_as_the_program_or_with_255(self):
        self.start("c")
        for code in (0, 1, 42):
            self.assertEqual(self.runtime("exec", "c", "/probe", "exit", code).returncode, code)
        self.refused("does not exist", "nobody", "/probe", "exit", "0")
        self.refused("No such file", "c", "/nowhere")

    def test_signals_have_names_and_numbers(self):
        self.start("c")
        for name, number in (("HUP", 1), ("sighup", 1), ("SIGUSR1", 10), ("usr2", 12), ("12", 12),
                             ("Winch", 28), ("RTMIN", 34), ("SIGRTMIN+3", 37), ("rtmax-1", 63),
                             ("RTMAX", 64), ("64", 64), ("POLL", 29), ("iot", 6)):
            before = self.said().count("signal ")
            self.works("kill", "c", name)
            until(lambda: self.said().count("signal ") > before, f"{name} arrives")
            self.assertEqual(self.said().splitlines()[-1], f"signal {number}", name)
        for name in ("", "0x1", "-1", "65", "SIG", "SIGSIGHUP", "FROB", "RTMIN-1", "RTMIN+99",
                     "RTMAX+1", "RTMIN+", "HUP ", "99999999999999999999"):
            self.fails("kill", "--", "c", name, part="is not a signal")
        self.works("kill", "c")  # SIGTERM
        self.await_status("c", "stopped")
        self.assertTrue(self.said().endswith("signal 15\n"))
        self.fails("kill", "c", part="container not running")

    def test_missing_containers_are_told(self):
        for command in (["state"], ["start"], ["kill"], ["pause"], ["resume"], ["delete"], ["ps"]):
            self.fails(*command, "nobody", part="does not exist")
        self.assertEqual(self.works("delete", "--force", "nobody"), "")
        self.assertEqual(self.works("delete", "nobody", "-f"), "")  # options after the ID, too

    def test_the_list_is_a_table_or_json(self):
        head = "ID          PID         STATUS      BUNDLE      CREATED     OWNER"
        self.assertEqual(self.works("list"), head + "\n")
        self.assertEqual(self.works("list", "--format", "json"), "[]\n")
        self.assertEqual(self.works("list", "-q"), "")
        name = "a-name-that-is-longer-than-others"
        pids = {"b": self.create("b"), name: self.start(name)}
        states = {each: self.state(each) for each in pids}
        listed = json.loads(self.works("list", "-f", "json"))
        self.assertEqual(listed, [states[name], states["b"]])
        self.assertEqual(self.works("list", "--quiet"), f"{name}\nb\n")
        lines = self.works("list").splitlines()
        columns = [lines[0].index(word) for word in head.split()]
        self.assertEqual(columns[1] - columns[0], len(name) + 3)
        owner = f"#{os.geteuid()}"
        try:
            owner = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            pass
        for line, each in zip(lines[1:], (name, "b"), strict=True):
            cells = [line[a:b].strip() for a, b in zip(columns, [*columns[1:], None])]
            self.assertEqual(cells, [each, str(pids[each]), states[each]["status"],
                                     str(self.bundle), states[each]["created"], owner])

    def test_a_corrupt_state_is_a_warning_in_the_list(self):
        self.create("good")
        self.create("bad")
        state = max((path for path in (self.root / "bad").iterdir() if path.is_file()),
                    key=lambda path: path.stat().st_size)
        state.write_text("{")
        for option, good in ((["-q"], "good\n"), (["-f", "json"], '"id":"good"'), ([], "good ")):
            result = self.runtime("list", *option)
            self.assertEqual(result.returncode, 0)
            self.assertIn(good, result.stdout)
            self.assertNotIn("bad", result.stdout)
            self.assertRegex(result.stderr, r"^ctr-oci: warning: bad: [^\n]+\n$")
        self.works("delete", "--force", "bad")
        self.assertEqual(self.runtime("list").stderr, "")

    def test_state_is_indented_json_and_nothing_else(self):
        self.create("c", {"annotations": {"k": "v"}})
        result = self.runtime("state", "c")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertTrue(result.stdout.startswith('{\n  "ociVersion": "1.3.0",\n'))
        self.assertTrue(result.stdout.endswith("}\n"))
        state = json.loads(result.stdout)
        self.assertEqual((state["id"], state["status"], state["bundle"], state["annotations"]),
                         ("c", "created", str(self.bundle), {"k": "v"}))
        self.assertEqual(state["rootfs"], str(self.bundle / "rootfs"))
        self.assertRegex(state["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")

    def test_ps_lists_its_processes(self):
        pid = self.start("c", {"process.args": ["/probe", "daemons", "2"]})
        pids = json.loads(self.works("ps", "--format", "json", "c"))
        self.assertEqual((len(pids), min(pids)), (3, pid))
        for args in (["c"], ["c", "-ef"], ["c", "-o", "comm,pid"]):
            head, *lines = self.works("ps", *args).splitlines()
            column = head.split().index("PID")
            self.assertEqual(sorted(int(line.split()[column]) for line in lines), sorted(pids))
        self.fails("ps", "c", "-o", "comm", part="no column PID")

    def test_pid_files_are_whole_and_in_place_when_the_command_returns(self):
        file = self.area / "pid"
        pid = self.create("c", None, "--pid-file", file)
        self.assertEqual((file.read_text(), file.stat().st_mode & 0o777), (str(pid), 0o644))
        self.works("start", "c")
        self.assertEqual(self.runtime("exec", "--detach", "--pid-file", file, "c", "/probe",
                                      "wait").returncode, 0)
        joined = int(file.read_text())
        self.assertIn(joined, self.processes())
        os.kill(joined, signal.SIGKILL)
        os.waitpid(joined, 0)  # which nobody else would: the container could not end
        self.works("delete", "--force", "c")
        self.works("run", "--bundle", self.bundle, "--pid-file", file, "c", "--", "/probe", "exit",
                   "0")
        self.assertRegex(file.read_text(), r"^\d+$")
        self.assertEqual([path.name for path in self.area.iterdir() if "pid" in path.name], ["pid"])

    def test_without_its_pid_file_nothing_is_left(self):
        file = self.area / "no/such/pid"
        self.write({"process.args": ["/probe", "wait"]})
        for command in (["create"], ["run"], ["run", "--detach"]):
            self.fails(*command, "--bundle", self.bundle, "--pid-file", file, "c",
                       part="--pid-file: create")
            self.assert_nothing_left("c")
        self.start("c")
        before = self.processes()
        for detach in ([], ["--detach"]):
            self.refused("--pid-file", *detach, "--pid-file", file, "c", "/probe", "wait")
            until(lambda: self.processes() == before, "the process is gone")

    def test_sockets_of_a_service_manager_are_passed(self):
        read, write = os.pipe()
        os.write(write, b"hello")
        os.close(write)
        self.addCleanup(os.close, read)
        self.write({"process.env": ["LISTEN_FDS=7", "LISTEN_PID=9", "A=1"]})

        def listen(pid, *args, options=()):
            # The shell becomes the runtime: its pid is ours to know.
            script = f'exec 3<&{read}; export LISTEN_FDS=1; {pid}; exec "$@"'
            return run("sh", "-c", script, "sh", BUILD / "ctr-oci", "--root", self.root, "run",
                       *options, "--bundle", self.bundle, "c", "--", "/probe", *args,
                       pass_fds=[read])
        found = listen("export LISTEN_PID=$$", "self").stdout.splitlines()
        self.assertIn("descriptors 0 1 2 3", found)
        self.assertEqual(sorted(line for line in found if line.startswith("env ")),
                         ["env A=1", "env LISTEN_FDS=1", "env LISTEN_PID=1"])
        found = listen("export LISTEN_PID=1", "self").stdout.splitlines()
        self.assertIn("descriptors 0 1 2", found)  # meant for another process
        self.assertIn("env LISTEN_FDS=7", found)
        result = listen(":", "self", options=["--preserve-fds", "1"])
        if read != 4:
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn("descriptor 4 is not open", result.stderr)
        self.assertEqual(listen(":", "read", "3").stdout, "hello")
        result = run(BUILD / "ctr-oci", "--root", self.root, "run", "--bundle", self.bundle, "c",
                     env={**os.environ, "LISTEN_FDS": "many"})
        self.assertIn("LISTEN_FDS: 'many' is not a number", result.stderr)

    def test_our_own_descriptors_are_not_taken_for_those_to_pass(self):
        self.write()
        result = ctr_oci("--log", self.area / "log", "run", "--bundle", self.bundle,
                         "--preserve-fds", "1", "c")
        self.assertEqual(result.returncode, 1)
        self.assertIn("descriptor 3 is not open", result.stderr)


class Foreground(Containers):
    def run_probe(self, *options, name="c", args=("hear",), **kwargs):
        self.write()
        with open(self.said_file, "ab") as said:
            running = self.spawn("run", "--bundle", self.bundle, *options, name, "--", "/probe",
                                 *args, stdout=said, **kwargs)
        until(lambda: "ready\n" in self.said(), "the program runs")
        return running

    def hears(self, running, number):
        os.kill(running.pid, number)
        until(lambda: f"signal {number}\n" in self.said(), f"signal {number} arrives")

    def test_signals_are_passed_on(self):
        running = self.run_probe()
        passed = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
                  signal.SIGALRM, signal.SIGSEGV, signal.SIGRTMIN, signal.SIGRTMAX, signal.SIGCONT]
        kept = [signal.SIGCHLD, signal.SIGURG, signal.SIGPIPE, signal.SIGWINCH]
        for number in kept:
            os.kill(running.pid, number)
        for number in passed:
            self.hears(running, int(number))
        os.kill(running.pid, signal.SIGTERM)
        self.assertEqual(running.wait().returncode, 0)
        heard = [f"signal {int(number)}" for number in [*passed, signal.SIGTERM]]
        self.assertEqual(self.said().splitlines(), ["ready", *heard])
        self.assert_nothing_left("c")

    def test_exec_passes_signals_on_to_its_process(self):
        self.start("c")
        with open(self.said_file, "ab") as said:
            running = self.spawn("exec", "c", "/probe", "hear", stdout=said)
        until(lambda: self.said().count("ready\n") == 2, "the program runs")
        self.hears(running, int(signal.SIGUSR1))
        os.kill(running.pid, signal.SIGTERM)
        self.assertEqual(running.wait().returncode, 0)
        self.assertEqual(self.status("c"), "running")

    def test_what_was_ignored_stays_so(self):
        def ignore():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        running = self.run_probe(preexec_fn=ignore)
        os.kill(running.pid, signal.SIGHUP)
        self.hears(running, int(signal.SIGUSR1))
        os.kill(running.pid, signal.SIGTERM)
        running.wait()
        self.assertNotIn("signal 1\n", self.said())

    def test_the_program_starts_with_no_signal_blocked_or_ignored(self):
        def disturb():
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
        self.start("c")
        said = self.works("exec", "c", "/probe", "self", preexec_fn=disturb)
        self.works("delete", "--force", "c")
        for found in (said, self.works("run", "--bundle", self.bundle, "c", "--", "/probe", "self",
                                       preexec_fn=disturb)):
            found = found.splitlines()
            for line in ("SigBlk " + "0" * 16, "SigIgn " + "0" * 16):
                self.assertIn(line, found)

    def test_a_stop_stops_the_command_and_not_the_container(self):
        """In a process group of its own: in one without anybody to wake it up the kernel drops
        SIGTSTP (setpgid(2), orphaned process group), and what we are in ourselves is not known."""
        running = self.run_probe(preexec_fn=os.setpgrp)
        os.kill(running.pid, signal.SIGTSTP)
        until(lambda: process_state(running.pid) == "T", "the command is stopped")
        self.works("kill", "c", "USR1")
        until(lambda: "signal 10\n" in self.said(), "the program goes on")
        os.kill(running.pid, signal.SIGCONT)
        os.kill(running.pid, signal.SIGTERM)
        self.assertEqual(running.wait().returncode, 0)

    def test_it_ends_as_the_program_does(self):
        running = self.run_probe()
        self.works("kill", "c", "KILL")
        result = running.wait()
        self.assertEqual((result.returncode, result.stderr), (128 + signal.SIGKILL, ""))
        self.assert_nothing_left("c")

    def test_it_is_kept_when_that_is_asked_for(self):
        self.write()
        result = self.runtime("run", "--keep", "--bundle", self.bundle, "c", "--", "/probe", "exit",
                              "3")
        self.assertEqual(result.returncode, 3)
        self.assertEqual((self.status("c"), self.state("c")["pid"]), ("stopped", 0))
        self.works("delete", "c")
        self.assert_nothing_left("c")

    def test_the_container_dies_with_it_unless_detached(self):
        running = self.run_probe()
        pid = self.state("c")["pid"]
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        until(lambda: not self.processes(), "the container ends")
        self.works("delete", "--force", "c")
        self.assertEqual(self.listed(), [])
        self.said_file.write_text("")
        with open(self.said_file, "ab") as said:
            self.works("run", "--detach", "--bundle", self.bundle, "c", stdout=said)
        until(lambda: "ready\n" in self.said(), "the program runs")
        self.assertEqual(self.status("c"), "running")
        self.assertNotEqual(self.state("c")["pid"], pid)

    def test_terminals_need_somebody_at_the_other_end(self):
        self.write({"process.terminal": True})
        bundle = ["--bundle", self.bundle]
        for command in (["create"], ["run", "--detach"]):
            self.fails(*command, *bundle, "c", part="process.terminal: without --console-socket")
        self.fails("run", *bundle, "--console-socket", self.area / "x", "c",
                   part="--console-socket: a process in the foreground")
        self.write()
        self.fails("create", *bundle, "--console-socket", self.area / "x", "c",
                   part="process.terminal is not asked for")
        self.assert_nothing_left("c")
