"""podman and conmon with the runtime under test: what a person does with containers in a day."""

import json
import os
import signal
import subprocess
import unittest
from pathlib import Path

import engine
from engine import FILTER_MODE, IMAGE, RUNTIME, WORKER, EngineTest, until

# containers.conf(5). What a later issue brings is turned off here and nowhere else.
CONFIG = """
[containers]
netns = "none"
# Issue 6 (labels): the default is a profile and a label where there are such.
apparmor_profile = "unconfined"
label = false
# The default is more than this machine may have.
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
init_path = "{scratch}/init"

[engine]
runtime = "under-test"
# podman knows the runtimes that log JSON by name; ours is none of those.
runtime_supports_json = ["under-test"]
cgroup_manager = "cgroupfs"
events_logger = "file"
events_logfile_path = "{scratch}/events"
lock_type = "file"
static_dir = "{scratch}/root/libpod"
tmp_dir = "{scratch}/tmp"
volume_path = "{scratch}/volumes"
hooks_dir = ["{scratch}/hooks"]

[engine.runtimes]
under-test = ["{runtime}"]

[network]
network_config_dir = "{scratch}/networks"
"""

STORAGE = """
[storage]
driver = "vfs"
graphroot = "{scratch}/root"
rootless_storage_path = "{scratch}/root"
runroot = "{scratch}/run"
"""

# The least that podman-init(1) has to do: be the first process, and not the one that was asked for.
INIT = """#!/bin/sh
shift
"$@"
"""

# It says when it waits, and ends at once when it is asked to (kill(2): the first process of a pid
# namespace gets no signal that it has no handler for).
SERVICE = ["sh", "-c", "trap 'echo stopping; exit 3' TERM; trap 'echo again' HUP; echo ready; "
           "while :; do sleep 1000 & wait $!; done"]


class Podman(EngineTest):
    needs = ("podman", "conmon")
    # podman gives the runtime no --root: it has to find its own again.
    state_root = Path("/run") / RUNTIME.name.removesuffix("-oci")
    groups_of_engine = ("conmon",)
    program = ["podman"]  # the first words of a command

    @classmethod
    def prepare(cls):
        """What comes before podman is run."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        files, processes = engine.limits()
        words = {"scratch": cls.scratch, "runtime": RUNTIME, "files": files, "processes": processes}
        (cls.scratch / "hooks").mkdir()
        (cls.scratch / "containers.conf").write_text(CONFIG.format(**words))
        (cls.scratch / "storage.conf").write_text(STORAGE.format(**words))
        (cls.scratch / "init").write_text(INIT)
        (cls.scratch / "init").chmod(0o755)
        cls.env = {**os.environ, "TMPDIR": str(cls.scratch),
                   "CONTAINERS_CONF": str(cls.scratch / "containers.conf"),
                   "CONTAINERS_STORAGE_CONF": str(cls.scratch / "storage.conf")}
        archive = cls.scratch / "image.tar"
        engine.image_archive(archive, cls.busybox)
        cls.prepare()
        loaded = engine.run(*cls.program, "load", "-i", archive, env=cls.env)
        if IMAGE not in loaded.stdout:
            raise AssertionError(f"podman load: {loaded.stdout} {loaded.stderr}")

    def setUp(self):
        super().setUp()
        self.addCleanup(self.podman, "rm", "--force", "--all", "--time", "0")

    def remove(self, left):
        super().remove(left)
        self.podman("rm", "--force", "--all", "--time", "0")  # what podman still remembers

    def states(self):
        """Those of this podman's containers: others may use the same directory."""
        events = self.scratch / "events"
        known = events.read_text() if events.exists() else ""
        return {name for name in super().states() if name in known}

    def podman(self, *args, **kwargs):
        return engine.run(*self.program, *args, env=self.env, **kwargs)

    def command(self, verb, *options, command=()):
        return [verb, "--cgroup-parent", f"/{self.group}", *options, IMAGE, *command]

    def box(self, *options, command, **kwargs):
        """A container that ends by itself."""
        return self.podman(*self.command("run", "--rm", *options, command=command), **kwargs)

    def shell(self, script, *options, **kwargs):
        return self.box(*options, command=["sh", "-c", script], **kwargs)

    def service(self, *options, command=None, name="box"):
        """A container that runs on, and is ready."""
        started = self.podman(*self.command("run", "--detach", "--name", name, *options,
                                            command=command or SERVICE))
        self.assertEqual(started.returncode, 0, started.stderr)
        if command is None:
            self.wait_for_log(name, "ready")
        return started.stdout.strip()

    def logs(self, name):
        return self.podman("logs", name).stdout.splitlines()

    def wait_for_log(self, name, line, count=1):
        """Looks at the file of conmon, which costs less than podman logs."""
        path = Path(self.inspect(name, "HostConfig.LogConfig.Path"))
        until(lambda: path.exists() and path.read_text().count(f" {line}\n") >= count,
              f"{count} times {line!r} in the log of {name}")

    def inspect(self, name, what):
        result = self.podman("inspect", "--format", "{{json ." + what + "}}", name)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)


class Run(Podman):
    def test_output_and_error_output_are_apart(self):
        result = self.shell("echo out; echo err >&2")
        self.assertEqual((result.stdout, result.stderr, result.returncode), ("out\n", "err\n", 0))

    def test_exit_code_is_the_programs(self):
        for code in (1, 42, 255):
            self.assert_run(self.shell(f"exit {code}"), code=code)

    def test_death_by_signal_is_128_and_the_signal(self):
        self.service()
        self.podman("kill", "--signal", "KILL", "box")
        self.assert_run(self.podman("wait", "box"), "137\n")

    def test_attached_run_tells_the_death_by_signal(self):
        attached = subprocess.Popen(
            [*self.program, *self.command("run", "--rm", "--name", "box", command=SERVICE)],
            env=self.env, stdout=subprocess.PIPE, text=True)
        self.assertEqual(attached.stdout.readline(), "ready\n")
        self.podman("kill", "--signal", "KILL", "box")
        attached.communicate(timeout=engine.PATIENCE)
        self.assertEqual(attached.returncode, 137)

    def test_input_goes_through_whole(self):
        text = "".join(f"line {number}\n" for number in range(100_000))
        self.assert_run(self.box("--interactive", command=["cat"], stdin=text), text)

    def test_a_missing_program_is_127(self):
        for program in ("missing", "/bin/missing"):
            result = self.box(command=[program])
            self.assert_run(result, code=127)
            self.assertIn(program, result.stderr)

    def test_what_is_no_program_is_126(self):
        result = self.box(command=["/etc/data"])
        self.assert_run(result, code=126)
        self.assertIn("/etc/data", result.stderr)

    def test_terminal(self):
        terminal = self.terminal(
            *self.program, *self.command("run", "--rm", "-it", command=["sh"]),
            rows=33, columns=99, env=self.env)
        self.assertEqual(self.talk(terminal), 7)

    def test_detached_terminal_is_attached_to_later(self):
        self.service("--tty", "--interactive", command=["sh"])
        terminal = self.terminal(*self.program, "attach", "box", rows=33, columns=99, env=self.env)
        self.talk(terminal)
        self.assertEqual(self.inspect("box", "State.ExitCode"), 7)

    def test_the_default_filter_is_in_force(self):
        self.service()
        self.assert_run(self.shell(FILTER_MODE), "2\n")
        self.assert_run(self.podman("exec", "box", "sh", "-c", FILTER_MODE), "2\n")
        self.assert_run(self.shell(FILTER_MODE, "--security-opt", "seccomp=unconfined"), "0\n")

    def test_a_filter_of_ones_own_is_in_force(self):
        path = self.scratch / "filter.json"
        path.write_text(json.dumps(engine.NO_DIRECTORIES))
        for more in ((), ("--security-opt", "no-new-privileges")):
            result = self.shell("mkdir /x; echo $?; touch /y; echo $?",
                                "--security-opt", f"seccomp={path}", *more)
            self.assertEqual((result.returncode, result.stdout), (0, "1\n0\n"), result.stderr)
            self.assertIn("Read-only file system", result.stderr)

    def test_environment_directory_and_hostname(self):
        result = self.shell("echo $WORD; pwd; hostname", "--env", "WORD=said", "--workdir", "/work",
                            "--hostname", "lighthouse")
        self.assert_run(result, "said\n/work\nlighthouse\n")

    def test_user(self):
        self.assert_run(self.shell("id -u; id -g", "--user", "worker"), f"{WORKER}\n{WORKER}\n")
        result = self.shell("id -u; id -g; id -G", "--user", "77:88", "--group-add", "99")
        self.assert_run(result, "77\n88\n88 99\n")

    def test_another_user_opens_the_standard_streams_again(self):
        result = self.shell("echo out >/dev/stdout; echo err >/dev/stderr", "--user", "worker")
        self.assertEqual((result.stdout, result.stderr, result.returncode), ("out\n", "err\n", 0))

    def test_read_only_root(self):
        result = self.shell("touch /x || touch /etc/x || touch /tmp/x && echo x", "--read-only")
        self.assert_run(result, "x\n")
        self.assertEqual(result.stderr.count("Read-only file system"), 2)

    def test_volumes(self):
        shared = self.scratch / "shared"
        shared.mkdir(exist_ok=True)
        (shared / "word").write_text("from outside\n")
        result = self.shell("cat /v/word; echo from inside >/v/word", "-v", f"{shared}:/v")
        self.assert_run(result, "from outside\n")
        self.assertEqual((shared / "word").read_text(), "from inside\n")
        result = self.shell("cat /v/word; echo x >/v/word", "-v", f"{shared}:/v:ro")
        self.assert_run(result, "from inside\n", code=1)
        self.assertIn("Read-only file system", result.stderr)

    def test_named_volume_gets_what_the_image_has_there(self):
        self.assert_run(self.shell("cat /etc/data", "-v", "named:/etc"), "this is not a program\n")
        self.assert_run(self.podman("volume", "rm", "named"), "named\n")

    def test_tmpfs(self):
        result = self.shell("grep ' /t ' /proc/mounts", "--tmpfs", "/t:size=1m,mode=1770,noexec")
        self.assertEqual(result.returncode, 0, result.stderr)
        kind, options = result.stdout.split()[2:4]
        self.assertEqual(kind, "tmpfs")
        self.assertLessEqual({"size=1024k", "mode=1770", "noexec"}, set(options.split(",")))

    def capabilities(self, *options):
        result = self.shell("grep -E 'CapEff|CapBnd' /proc/self/status", *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        masks = {int(word, 16) for word in result.stdout.split()[1::2]}
        self.assertEqual(len(masks), 1, result.stdout)
        return masks.pop()

    def test_capabilities(self):
        chown, kill, net_admin = 1 << 0, 1 << 5, 1 << 12  # capability.h
        default = self.capabilities()
        self.assertEqual(default & (chown | kill | net_admin), chown | kill)
        self.assertEqual(self.capabilities("--cap-drop", "CHOWN"), default & ~chown)
        self.assertEqual(self.capabilities("--cap-add", "NET_ADMIN"), default | net_admin)
        self.assertEqual(self.capabilities("--cap-drop", "ALL", "--cap-add", "KILL"), kill)
        self.assertEqual(self.capabilities("--cap-drop", "ALL"), 0)

    def test_no_new_privileges(self):
        script = "grep NoNewPrivs /proc/self/status"
        self.assert_run(self.shell(script), "NoNewPrivs:\t0\n")
        option = ("--security-opt", "no-new-privileges")
        self.assert_run(self.shell(script, *option), "NoNewPrivs:\t1\n")

    def test_limits(self):
        result = self.shell("ulimit -Sn; ulimit -Hn; ulimit -Su; ulimit -Hu",
                            "--ulimit", "nofile=100:200", "--ulimit", "nproc=300:400")
        self.assert_run(result, "100\n200\n300\n400\n")

    def test_sysctl(self):
        result = self.shell("cat /proc/sys/net/ipv4/ip_default_ttl",
                            "--sysctl", "net.ipv4.ip_default_ttl=77")
        self.assert_run(result, "77\n")

    def test_network_none_has_a_loopback_that_works(self):
        result = self.shell("ls /sys/class/net; ping -q -c 1 127.0.0.1 >/dev/null && echo up")
        self.assert_run(result, "lo\nup\n")

    def test_the_hosts_namespaces(self):
        for option, kind in (("--network", "net"), ("--pid", "pid"), ("--ipc", "ipc"),
                             ("--uts", "uts")):
            script = f"readlink /proc/self/ns/{kind}"
            with self.subTest(namespace=kind):
                own = engine.namespace("self", kind)
                self.assert_run(self.shell(script, f"{option}=host"), f"{own}\n")
                self.assertNotEqual(self.shell(script).stdout, f"{own}\n")

    def test_the_namespaces_of_another_container(self):
        self.service()
        pid = self.inspect("box", "State.Pid")
        options = [f"--{kind}=container:box" for kind in ("network", "pid", "ipc", "uts")]
        result = self.shell("for n in net pid ipc uts; do readlink /proc/self/ns/$n; done",
                            *options)
        kinds = ("net", "pid", "ipc", "uts")
        self.assert_run(result, "".join(f"{engine.namespace(pid, kind)}\n" for kind in kinds))

    def test_user_namespace(self):
        # Nothing above our own range is ours to give where we are in a user namespace ourselves.
        if Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]:
            self.skipTest("only as root of the machine: ids are mapped here")
        maps = ("--uidmap", "0:100000:2000", "--gidmap", "0:200000:2000")
        result = self.shell("id -u; cat /proc/self/uid_map /proc/self/gid_map;"
                            "stat -c %u /etc/data; touch /work/x && echo written", *maps)
        self.assertEqual(result.stdout.split(), "0 0 100000 2000 0 200000 2000 0 written".split(),
                         result.stderr)

    def test_init_is_first_and_the_program_is_not(self):
        result = self.shell("echo $$; cat /proc/1/cmdline | tr '\\0' ' '; exit 9", "--init")
        self.assertEqual(result.returncode, 9, result.stderr)
        pid, line = result.stdout.splitlines()
        self.assertGreater(int(pid), 1)
        self.assertIn("-init -- sh -c", line)

    def test_descriptors_are_passed_on(self):
        path = self.scratch / "through"
        result = engine.run("sh", "-c", f'exec "$@" 3>{path}', "sh", *self.program, *self.command(
            "run", "--rm", "--preserve-fds", "1", command=["sh", "-c", "echo through >&3"]),
            env=self.env)
        self.assert_run(result)
        self.assertEqual(path.read_text(), "through\n")

    def test_hooks_get_the_state(self):
        heard = self.scratch / "heard"
        heard.write_text("")
        hook = {"version": "1.0.0", "when": {"annotations": {"^test\\.hook$": ".*"}},
                "stages": ["prestart", "createContainer", "poststop"],
                "hook": {"path": "/bin/sh",
                         "args": ["sh", "-c", f"cat >>{heard}; echo >>{heard}"]}}
        path = self.scratch / "hooks/hook.json"
        path.write_text(json.dumps(hook))
        self.addCleanup(path.unlink)
        ids = self.scratch / "ids"
        ids.unlink(missing_ok=True)
        self.assert_run(self.shell("echo hooked", "--annotation", "test.hook=yes",
                                   "--cidfile", str(ids)), "hooked\n")
        states = [json.loads(line) for line in heard.read_text().splitlines() if line]
        self.assertEqual([state["id"] for state in states], 3 * [ids.read_text().strip()])
        self.assertEqual([state["status"] for state in states][-1], "stopped")
        self.assertEqual({state["annotations"]["test.hook"] for state in states}, {"yes"})

    def test_landlock_comes_by_an_annotation(self):
        """By one of the README's lines, of which each is for one version of podman."""
        features = json.loads(engine.run(RUNTIME, "features").stdout)
        if features["annotations"]["ctr.landlock.abi"] == "0":
            self.skipTest("this kernel has no Landlock")
        text = json.dumps({"handledAccessFs": ["write", "execute"], "pathBeneath": [
            {"paths": ["/"], "allowedAccess": ["execute"]},
            {"paths": ["/dev", "/tmp"], "allowedAccess": ["write"]}]}, indent=1)
        annotation = f"ctr.landlock={text}"
        if engine.run("podman", "--version").stdout.split()[-1] < "5":
            annotation = '"' + annotation.replace('"', '""') + '"'
        script = "for d in /tmp /other; do (echo a >$d/a) 2>/dev/null; echo $?; done"
        for more, second in (((), 0), (("--annotation", annotation), 1)):
            self.assert_run(self.shell(script, "--tmpfs", "/tmp", "--tmpfs", "/other", *more),
                            f"0\n{second}\n")

    def test_an_error_of_the_runtime_reaches_the_user(self):
        result = self.shell("echo no", "--sysctl", "net.core.not_there=1")
        self.assertEqual(result.stdout, "")
        self.assertGreater(result.returncode, 124)
        self.assertRegex(result.stderr, "^Error: .*not_there")

    def test_many_at_once(self):
        words = "one two three four five".split()
        commands = [self.command("run", "--rm", command=["echo", word]) for word in words]
        running = [subprocess.Popen([*self.program, *command], env=self.env, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                   for command in commands]
        ended = [(*process.communicate(timeout=60), process.returncode) for process in running]
        expected = [(f"{word}\n", "", 0) for word in words]
        self.assertEqual(ended, expected)


class Lifecycle(Podman):
    def test_ps_and_inspect(self):
        name = self.service()
        self.assert_run(self.podman("ps", "--no-trunc", "--quiet", "--filter", "status=running"),
                        f"{name}\n")
        pid = self.inspect("box", "State.Pid")
        self.assertNotEqual(engine.namespace(pid, "pid"), engine.namespace("self", "pid"))
        self.assertEqual(self.inspect("box", "OCIRuntime"), "under-test")

    def test_create_init_start(self):
        self.podman(*self.command("create", "--name", "box", command=SERVICE))
        self.assert_run(self.podman("init", "box"), "box\n")
        self.assertEqual(self.inspect("box", "State.Status"), "initialized")
        self.assertEqual(self.logs("box"), [])
        self.assert_run(self.podman("start", "box"), "box\n")
        self.wait_for_log("box", "ready")

    def test_created_one_is_removed(self):
        self.podman(*self.command("create", "--name", "box", command=SERVICE))
        self.assert_run(self.podman("init", "box"), "box\n")
        pid = self.inspect("box", "State.Pid")
        self.assertEqual(self.podman("rm", "--force", "box").returncode, 0)
        self.assertIsNone(engine.parent_of(pid))

    def test_stop_logs_rm(self):
        self.service()
        self.assert_run(self.podman("stop", "box"), "box\n")
        self.assertEqual(self.inspect("box", "State.ExitCode"), 3)
        self.assertEqual(self.logs("box"), ["ready", "stopping"])
        self.assertEqual(self.podman("rm", "box").returncode, 0)
        self.assertEqual(self.podman("ps", "--all", "--quiet").stdout, "")

    def test_stop_of_what_does_not_listen_kills(self):
        self.service(command=["sleep", "1000"])
        self.assertEqual(self.podman("stop", "--time", "0", "box").returncode, 0)
        self.assertEqual(self.inspect("box", "State.ExitCode"), 137)

    def test_kill_sends_the_signal(self):
        self.service()
        for count, name in enumerate(("HUP", "SIGHUP", str(int(signal.SIGHUP))), 1):
            self.assert_run(self.podman("kill", "--signal", name, "box"), "box\n")
            self.wait_for_log("box", "again", count)
        self.assert_run(self.podman("kill", "--signal", "TERM", "box"), "box\n")
        self.assert_run(self.podman("wait", "box"), "3\n")
        self.assertNotEqual(self.podman("kill", "box").returncode, 0)

    def test_forced_removal_of_a_running_one(self):
        self.service()
        pid = self.inspect("box", "State.Pid")
        self.assertEqual(self.podman("rm", "--force", "--time", "0", "box").returncode, 0)
        self.assertIsNone(engine.parent_of(pid))

    def test_forced_removal_with_the_hosts_pid_namespace_ends_all(self):
        self.service("--pid=host", command=["sh", "-c", "sleep 1000 & sleep 1000 & wait"])
        pid = self.inspect("box", "State.Pid")
        children = Path(f"/proc/{pid}/task/{pid}/children")
        pids = until(lambda: len(children.read_text().split()) == 2 and
                     children.read_text().split(), "two sleepers")
        self.assertEqual(self.podman("rm", "--force", "--time", "0", "box").returncode, 0)
        until(lambda: not any(map(engine.parent_of, pids)), "their end")

    def test_restart(self):
        self.service()
        pid = self.inspect("box", "State.Pid")
        self.assertEqual(self.podman("restart", "box").returncode, 0)
        self.wait_for_log("box", "ready", 2)
        self.assertNotEqual(self.inspect("box", "State.Pid"), pid)

    def test_an_ended_one_starts_again(self):
        self.podman(*self.command("create", "--name", "box",
                                  command=["sh", "-c", "echo x >>/tmp/x; wc -l </tmp/x"]))
        for count in ("1", "2"):
            self.assert_run(self.podman("start", "--attach", "box"), f"{count}\n")

    def test_one_that_fails_is_restarted_as_often_as_asked(self):
        self.service("--restart", "on-failure:2", command=["sh", "-c", "echo tried; exit 1"])
        self.wait_for_log("box", "tried", 3)
        until(lambda: self.inspect("box", "State.Status") == "exited", "the end of trying")
        self.assertEqual(self.inspect("box", "RestartCount"), 2)
        self.assertEqual(self.logs("box"), 3 * ["tried"])

    def test_detached_one_takes_itself_away(self):
        self.service("--rm")
        self.podman("kill", "--signal", "TERM", "box")
        until(lambda: not self.podman("ps", "--all", "--quiet").stdout, "its removal by conmon")

    def test_pod(self):
        made = self.podman("pod", "create", "--name", "pod", "--cgroup-parent", f"/{self.group}",
                           "--infra-image", IMAGE, "--infra-command", "sleep 1000")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.addCleanup(self.podman, "pod", "rm", "--force", "--time", "0", "pod")
        links = [self.podman("run", "--rm", "--pod", "pod", IMAGE, "sh", "-c",
                             "for n in net ipc uts; do readlink /proc/self/ns/$n; done").stdout
                 for _ in range(2)]
        self.assertEqual(links[0], links[1])
        self.assertEqual(len(links[0].split()), 3, links)
        self.assertNotIn(engine.namespace("self", "ipc"), links[0])
        self.assertEqual(self.podman("pod", "rm", "--force", "--time", "0", "pod").returncode, 0)
        # podman takes the pod's own cgroup away in the hierarchies of the controllers alone; the
        # runtime also made it, as the parent of its own, in those without any.
        for path in self.groups():
            if path.endswith(made.stdout.strip()):
                (engine.CGROUPS / path).rmdir()

    def test_pause(self):
        self.service()
        pid = self.inspect("box", "State.Pid")
        self.assertFalse(engine.frozen(pid))
        self.assert_run(self.podman("pause", "box"), "box\n")
        self.assertEqual(self.inspect("box", "State.Status"), "paused")
        self.assertTrue(engine.frozen(pid))
        self.assertNotEqual(self.podman("exec", "box", "true").returncode, 0)
        self.assert_run(self.podman("unpause", "box"), "box\n")
        self.assertEqual(self.inspect("box", "State.Status"), "running")
        self.assertFalse(engine.frozen(pid))
        self.assert_run(self.podman("exec", "box", "echo", "awake"), "awake\n")

    def test_a_paused_one_is_removed(self):
        self.service()
        self.assert_run(self.podman("pause", "box"), "box\n")
        self.assertEqual(self.podman("rm", "--force", "--time", "0", "box").returncode, 0)


class Limits(Podman):
    """What podman asks for in linux.resources, felt from inside."""

    def cgroup_file(self, pid, *names):
        """The text of the first of these files that a cgroup of the process has."""
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for hierarchy in (controllers.removeprefix("name=") or "unified", ""):
                for name in names:
                    file = engine.CGROUPS / hierarchy / path.lstrip("/") / name
                    if file.exists():
                        return file.read_text().strip()
        self.fail(f"none of {names}")

    def test_they_hold(self):
        self.service("--memory", "64m", "--pids-limit", "17", "--cpus", "0.5")
        pid = self.inspect("box", "State.Pid")
        self.assertEqual(self.cgroup_file(pid, "memory.limit_in_bytes", "memory.max"), str(64 << 20))
        self.assertEqual(self.cgroup_file(pid, "pids.max"), "17")
        self.assertIn(self.cgroup_file(pid, "cpu.cfs_quota_us", "cpu.max"),
                      ("50000", "50000 100000"))

    def test_the_default_limit_of_processes(self):
        self.service()
        self.assertEqual(self.cgroup_file(self.inspect("box", "State.Pid"), "pids.max"), "2048")

    def test_a_device_that_was_not_given_cannot_be_made_use_of(self):
        made = "mknod /dev/m c 1 1 && (cat /dev/m >/dev/null) 2>&1"
        result = self.shell(made, "--cap-add", "MKNOD")
        self.assertIn("Operation not permitted", result.stdout + result.stderr)
        self.assert_run(self.shell("mknod /dev/z c 1 5 && head -c 3 /dev/z | wc -c",
                                   "--cap-add", "MKNOD"), "3\n")

    def test_stats(self):
        self.service()
        result = self.podman("stats", "--no-stream", "--format", "json", "box")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)[0]["name"], "box")


class Exec(Podman):
    def setUp(self):
        super().setUp()
        self.service("--env", "WORD=of the container")

    def execute(self, *command, **kwargs):
        return self.podman("exec", *command, **kwargs)

    def test_output_input_and_exit_code(self):
        result = self.execute("box", "sh", "-c", "echo out; echo err >&2; exit 42")
        self.assertEqual((result.stdout, result.stderr, result.returncode), ("out\n", "err\n", 42))
        text = "all of it\n" * 100_000
        self.assert_run(self.execute("--interactive", "box", "cat", stdin=text), text)

    def test_death_by_signal(self):
        self.assert_run(self.execute("box", "sh", "-c", "kill -9 $$"), code=137)

    def test_missing_and_not_a_program(self):
        self.assert_run(self.execute("box", "missing"), code=127)
        self.assert_run(self.execute("box", "/etc/data"), code=126)

    def test_it_is_in_the_container(self):
        pid = self.inspect("box", "State.Pid")
        kinds = ("cgroup", "ipc", "mnt", "net", "pid", "uts")
        script = "".join(f"readlink /proc/self/ns/{kind};" for kind in kinds)
        result = self.execute("box", "sh", "-c", script + "cat /proc/1/comm")
        links = "".join(f"{engine.namespace(pid, kind)}\n" for kind in kinds)
        self.assert_run(result, links + "sh\n")

    def test_environment_directory_user(self):
        script = "echo $WORD/$MORE; pwd; id -u; id -g"
        result = self.execute("box", "sh", "-c", script)
        self.assert_run(result, "of the container/\n/\n0\n0\n")
        result = self.execute("--env", "MORE=and of exec", "--workdir", "/work", "--user", "worker",
                              "box", "sh", "-c", script)
        self.assert_run(result, f"of the container/and of exec\n/work\n{WORKER}\n{WORKER}\n")

    def test_another_user_opens_the_standard_streams_again(self):
        result = self.execute("--user", "worker", "box", "sh", "-c", "echo said >/dev/stdout")
        self.assert_run(result, "said\n")

    def test_terminal(self):
        terminal = self.terminal(*self.program, "exec", "-it", "box", "sh", rows=33, columns=99,
                                 env=self.env)
        self.assertEqual(self.talk(terminal), 7)

    def test_detached(self):
        result = self.execute("--detach", "box", "sh", "-c", "echo x >/tmp/x")
        self.assertEqual(result.returncode, 0, result.stderr)
        until(lambda: self.execute("box", "cat", "/tmp/x").stdout == "x\n", "what it writes")

    def test_in_one_that_has_ended(self):
        self.podman("stop", "box")
        self.assertNotEqual(self.execute("box", "true").returncode, 0)

    def test_dies_with_the_container(self):
        process = subprocess.Popen(
            [*self.program, "exec", "box", "sh", "-c", "echo in; sleep 1000"],
            env=self.env, stdout=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), "in\n")
        self.podman("kill", "--signal", "KILL", "box")
        process.communicate(timeout=engine.PATIENCE)
        self.assertEqual(process.returncode, 137)


if __name__ == "__main__":
    unittest.main()
