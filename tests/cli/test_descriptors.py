"""A caller whose descriptors run out (RLIMIT_NOFILE, EMFILE), at every number of free ones: what
cannot be done says so, nothing that was only half made is left, nothing that lives is taken for
dead or forgotten."""

import contextlib
import json
import os
import resource
import signal
import socket
from pathlib import Path

from lifecycle import GIVEN, ROOT, Containers, alive, until

EMFILE = "Too many open files"
SOON = 5  # seconds, for what has ended already when all is well
FEWEST, MANY = 4, 40  # the standard streams and one more; more than anything here needs


class Few(Containers):
    def few(self, limit, *args, **kwargs):
        """A command that may have so many descriptors, the standard streams among them."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

        def restrict():
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        return self.runtime(*args, preexec_fn=restrict, **kwargs)

    def walk(self, *args, before=None, failed=None, done=None, code=1, **kwargs):
        """Runs a command with ever more descriptors, between before() and failed() or done(),
        until it has worked with three limits; it must fail at first, and say why."""
        kept = self.containers()
        failures = successes = 0
        for limit in range(FEWEST, MANY):
            with self.subTest(limit=limit), contextlib.ExitStack() as unless_all_is_well:
                unless_all_is_well.callback(self.sweep, kept)
                if before:
                    before()
                result = self.few(limit, *args, **kwargs)
                if result.returncode == 0:
                    successes += 1
                    done()
                else:
                    failures += 1
                    self.assertEqual((result.returncode, result.stdout), (code, ""))
                    failed()
                    self.assertIn(EMFILE, result.stderr)
                unless_all_is_well.pop_all()
            if successes == 3:
                break
        print(f"# {args[0]}: failed with {failures} limits")
        self.assertGreater(failures, 0, "the limit was never felt")
        self.assertEqual(successes, 3, f"it does not work with {MANY} descriptors")

    def containers(self):
        return set(os.listdir(self.root)) if self.root.is_dir() else set()

    def sweep(self, kept):
        """Takes away what one limit left, so that the next starts anew."""
        for name in self.containers() - kept:
            self.clear_state(name)

    def leaves_nothing(self, name="one"):
        self.reap_orphans()
        self.assert_nothing_left(name)
        self.assertEqual(self.entries(), [])

    def remove(self, name="one"):
        self.works("delete", "--force", name)
        until(lambda: self.reap_orphans() or not self.processes(), "all processes end")
        self.leaves_nothing(name)


class Make(Few):
    """A create or run that fails leaves no directory, no cgroup, no process and no mount."""

    def walk_create(self, changes=None, *options, **kwargs):
        self.write({**self.own_cgroup("one"), **(changes or {})})
        self.walk("create", "--bundle", self.bundle, *options, "one", failed=self.leaves_nothing,
                  done=self.remove, **kwargs)

    def test_create(self):
        self.walk_create()

    def test_create_with_a_pid_file(self):
        path = self.area / "pid"
        self.walk_create(None, "--pid-file", path)

    def test_create_with_a_notify_socket(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(self.area / "manager"))
            self.walk_create(env={**os.environ, "NOTIFY_SOCKET": str(self.area / "manager")})

    def test_create_with_hooks(self):
        hook = {"path": "/bin/true", "args": ["true"]}
        hooks = {kind: [hook] for kind in ("prestart", "createRuntime", "createContainer")}
        self.walk_create({"hooks": hooks})

    def test_create_with_sockets_and_a_terminal(self):
        with socket.socket(socket.AF_UNIX) as console, socket.socket(socket.AF_UNIX) as pidfd:
            for listener, name in ((console, "console"), (pidfd, "pidfd")):
                listener.bind(str(self.area / name))
                listener.listen(MANY)
            self.walk_create({"process.terminal": True},
                             "--console-socket", self.area / "console",
                             "--pidfd-socket", self.area / "pidfd")

    def test_create_with_a_user_namespace(self):
        os.chown(self.bundle / "rootfs", 100000, 100000)
        mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        end = len(self.default["linux"]["namespaces"])
        self.walk_create({f"linux.namespaces.{end}": {"type": "user"},
                          "linux.uidMappings": mapping, "linux.gidMappings": mapping})

    def test_create_that_joins_namespaces(self):
        holder = self.start("holder")
        kinds = {"pid": "pid", "network": "net", "ipc": "ipc"}
        namespaces = [{**namespace, "path": f"/proc/{holder}/ns/{kinds[namespace['type']]}"}
                      if namespace["type"] in kinds else namespace
                      for namespace in self.default["linux"]["namespaces"]]
        before = self.entries(), self.processes()

        def unharmed():
            until(lambda: self.reap_orphans() or self.processes() == before[1], "others end")
            self.assertEqual((self.entries(), self.listed()), (before[0], ["holder"]))
            self.assertEqual(len([path for path in self.cgroups() if path.name.endswith(
                self.own_cgroup("one")["linux.cgroupsPath"][1:])]), 0)

        def done():
            self.works("delete", "--force", "one")
            unharmed()

        self.write({**self.own_cgroup("one"), "linux.namespaces": namespaces})
        self.walk("create", "--bundle", self.bundle, "one", failed=unharmed, done=done)

    def test_run_in_the_background(self):
        self.write(self.own_cgroup("one"))
        self.walk("run", "--detach", "--bundle", self.bundle, "one", failed=self.leaves_nothing,
                  done=self.remove)

    def test_run_in_the_foreground(self):
        self.write({**self.own_cgroup("one"), "process.args": ["/probe", "exit", "0"]})
        self.walk("run", "--bundle", self.bundle, "one", failed=self.leaves_nothing,
                  done=self.leaves_nothing)

    def test_run_with_poststart_and_poststop_hooks(self):
        hook = {"path": "/bin/true", "args": ["true"]}
        hooks = {"startContainer": [{"path": "/probe", "args": ["probe", "exit", "0"]}],
                 "poststart": [hook], "poststop": [hook]}
        self.write({**self.own_cgroup("one"), "hooks": hooks,
                    "process.args": ["/probe", "exit", "0"]})
        self.walk("run", "--bundle", self.bundle, "one", failed=self.leaves_nothing,
                  done=self.leaves_nothing)


class Look(Few):
    """A look is right or an error, never a wrong answer; and it changes nothing."""

    def walk_state(self, status, pid):
        def check(limit):
            result = self.few(limit, "state", "one")
            if result.returncode:
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertIn(EMFILE, result.stderr)
                return False
            state = json.loads(result.stdout)
            self.assertEqual((state["status"], state["pid"]), (status, pid))
            return True
        self.walk_looks(check)

    def walk_list(self, status, pid):
        """The list goes on after what cannot be looked at, and warns of it."""
        def check(limit):
            result = self.few(limit, "list", "--format", "json")
            if result.returncode:
                self.assertEqual((result.returncode, result.stdout), (1, ""))
            found = json.loads(result.stdout or "null") or []
            if not found:
                self.assertIn(EMFILE, result.stderr)
                return False
            self.assertEqual([(item["id"], item["status"], item["pid"]) for item in found],
                             [("one", status, pid)])
            return True
        self.walk_looks(check)

    def walk_looks(self, check):
        before, worked = self.entries(), []
        for limit in range(FEWEST, MANY):
            with self.subTest(limit=limit):
                worked.append(check(limit))
                self.assertEqual(self.entries(), before)
        self.assertEqual((worked[0], worked[-1]), (False, True))

    def walk_both(self, status, pid):
        self.walk_state(status, pid)
        self.walk_list(status, pid)

    def test_at_a_created_one(self):
        self.walk_both("created", self.create("one"))

    def test_at_a_running_one(self):
        pid = self.start("one")
        self.walk_both("running", pid)
        self.assertTrue(alive(pid))

    def test_at_a_stopped_one(self):
        pid = self.start("one")
        self.works("kill", "one", "KILL")
        self.reap(pid)
        self.walk_both("stopped", 0)

    def test_at_a_paused_one(self):
        pid = self.start("one")
        self.works("pause", "one")
        self.walk_both("paused", pid)

    def test_the_processes_of_one(self):
        pid = self.start("one")

        def done():
            self.assertEqual(json.loads(self.works("ps", "--format", "json", "one")), [pid])

        self.walk("ps", "--format", "json", "one", failed=done, done=done)

    def test_at_one_whose_state_is_broken(self):
        pid = self.start("one")
        good = (self.root / "one/state.json").read_bytes()
        (self.root / "one/state.json").write_bytes(good[:-100])
        for limit in range(FEWEST, MANY):
            result = self.few(limit, "state", "one")
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertRegex(result.stderr, f"{EMFILE}|cannot be read")
            result = self.few(limit, "list", "-q")
            self.assertNotIn("one", result.stdout.split())
            self.assertRegex(result.stderr, f"{EMFILE}|cannot be read")
        (self.root / "one/state.json").write_bytes(good)
        self.assertEqual((self.status("one"), alive(pid)), ("running", True))


class Change(Few):
    """A change that fails can be made afterwards."""

    def test_start(self):
        pids = []

        def before():
            pids.append(self.create("one"))

        def failed():
            self.assertEqual((self.status("one"), self.state("one")["pid"]), ("created", pids[-1]))
            self.works("start", "one")
            done()

        def done():
            self.assertEqual(self.status("one"), "running")
            self.remove()

        self.walk("start", "one", before=before, failed=failed, done=done)

    def test_start_with_a_notify_socket(self):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(str(self.area / "manager"))
        env = {**os.environ, "NOTIFY_SOCKET": str(self.area / "manager")}

        def before():
            self.create("one", {"process.args": ["/probe", "notify", "READY=1"]}, env=env)

        def failed():
            if self.status("one") == "created":
                self.works("start", "one")
            self.remove()

        self.walk("start", "one", before=before, failed=failed, done=self.remove)

    def test_exec(self):
        pid = self.start("one")

        def unharmed():
            until(lambda: self.reap_orphans() or self.processes() == [pid], "what came in ends")
            self.assertEqual(self.status("one"), "running")

        for options in ([], ["--detach", "--pid-file", self.area / "pid"]):
            self.walk("exec", *options, "one", "/probe", "exit", "0", failed=unharmed,
                      done=unharmed, code=255)

    def test_kill(self):
        pids = []

        def before():
            if not pids or not alive(pids[-1]):
                self.remove() if pids else None
                pids.append(self.start("one"))

        def failed():
            self.assertEqual((alive(pids[-1]), self.status("one")), (True, "running"))

        def done():
            self.assertEqual(self.reap(pids[-1]), -signal.SIGKILL)

        for options in ([], ["--all"]) if ROOT or GIVEN else ([],):
            self.walk("kill", *options, "one", "KILL", before=before, failed=failed, done=done)

    def test_kill_of_a_paused_one(self):
        # What the v1 freezer holds does not die: that it was not thawed is an error.
        pids = []

        def before():
            if "one" in self.listed():
                self.remove()
            pids.append(self.start("one"))
            self.works("pause", "one")

        def done():
            until(lambda: not alive(pids[-1]), "it dies", SOON)
            self.assertEqual(self.reap(pids[-1]), -signal.SIGKILL)
            self.works("delete", "one")

        self.walk("kill", "one", "KILL", before=before, failed=self.remove, done=done)

    def test_pause_and_resume(self):
        pid = self.start("one")

        def is_running():
            self.assertEqual((self.status("one"), alive(pid)), ("running", True))

        def is_paused():
            self.assertEqual((self.status("one"), alive(pid)), ("paused", True))

        def is_paused_and_goes_on():
            is_paused()
            self.works("resume", "one")

        def goes_on():
            is_running()
            self.works("pause", "one")

        self.walk("pause", "one", failed=is_running, done=is_paused_and_goes_on)
        self.works("pause", "one")
        self.walk("resume", "one", failed=is_paused, done=goes_on)


class Remove(Few):
    """delete takes a container away as a whole, or what is left of it can still be deleted."""

    def test_delete_of_a_stopped_one(self):
        def before():
            if "one" not in self.listed():
                pid = self.create("one")
                self.works("kill", "one", "KILL")
                self.reap(pid)

        def failed():
            self.assertEqual(self.status("one"), "stopped")

        self.walk("delete", "one", before=before, failed=failed, done=self.leaves_nothing)
        self.leaves_nothing()

    def walk_forced(self, before, failed=None):
        def after():
            self.reap_orphans()
            if failed:
                failed()
            # What lives has a state by which it can be found and ended.
            self.assertLessEqual(set(self.processes()), {self.state("one")["pid"]})
            self.remove()

        def done():
            until(lambda: self.reap_orphans() or not self.processes(), "all processes end")
            self.leaves_nothing()

        self.walk("delete", "--force", "one", before=before, failed=after, done=done)

    def test_forced_delete_of_a_running_one(self):
        self.walk_forced(lambda: self.start("one"))

    def test_forced_delete_of_a_created_one(self):
        self.walk_forced(lambda: self.create("one"))

    def test_forced_delete_of_a_paused_one(self):
        def before():
            self.start("one")
            self.works("pause", "one")
        self.walk_forced(before)

    def test_forced_delete_of_one_with_a_notify_socket(self):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(str(self.area / "manager"))
        env = {**os.environ, "NOTIFY_SOCKET": str(self.area / "manager")}
        self.walk_forced(lambda: self.create("one", env=env))

    def test_forced_delete_of_one_whose_state_is_broken(self):
        # The state that was cut off says nothing; that it could not be opened is no such news.
        pid = self.start("one")
        state = self.root / "one/state.json"
        good = state.read_bytes()

        def before():
            if not state.exists():
                (self.root / "one").mkdir(mode=0o700)
                (self.root / "one/notify").mkdir()
                (self.root / "one/notify/notify.sock").touch()
            state.write_bytes(good[:-100])

        def failed():
            self.assertTrue(alive(pid))
            self.assertEqual(state.read_bytes(), good[:-100])

        def done():
            self.assertEqual(self.entries(), [])

        try:
            self.walk("delete", "--force", "one", before=before, failed=failed, done=done)
            self.assertTrue(alive(pid))
        finally:
            os.kill(pid, signal.SIGKILL)
            self.reap(pid)

    def test_forced_delete_of_a_whole_one_never_takes_it_for_a_broken_one(self):
        # Between its looks one is whole whatever could not be opened: it is not forgotten alive.
        for limit in range(FEWEST, MANY):
            with self.subTest(limit=limit):
                pid = self.create("one")
                self.few(limit, "delete", "--force", "one")
                self.reap_orphans()
                if not Path(self.root / "one").exists():
                    self.assertFalse(alive(pid), "it lives, and nobody knows of it")
                else:
                    self.assertEqual(self.state("one")["pid"] or pid, pid)
                    self.remove()
