"""containerd, its shim and ctr(8) with the runtime under test, all on private sockets."""

import hashlib
import itertools
import json
import os
import re
import subprocess
import threading
import unittest
from pathlib import Path

import engine
from engine import FILTER_MODE, IMAGE, RUNTIME, WORKER, EngineTest, until

CONFIG = """
version = 2
root = "{scratch}/root"
state = "{scratch}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{scratch}/socket"
[ttrpc]
  address = "{scratch}/ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "{scratch}/opt"
"""

SOCKETS = Path("/run/containerd/s")  # of shims; no option changes it

# It says when it waits, and ends at once when it is asked to (kill(2): the first process of a pid
# namespace gets no signal that it has no handler for).
SERVICE = ["sh", "-c", "trap 'exit 3' TERM; trap 'echo again >>/log' HUP; echo ready >>/log; "
           "while :; do sleep 1000 & wait $!; done"]

DONE = "all is said"


def script_that_waits(script):
    """ctr can lose what a process says that ends before ctr has come to opening its FIFOs (their
    opening is cancelled by the end: containerd cio/io_unix.go, copyIO). This one lets it hear all
    before it ends."""
    return ["sh", "-c", f"({script}); code=$?; echo {DONE}; echo {DONE} >&2; read line; exit $code"]


# Much input, and what is said of it: on a busy machine ctr loses the end of much output, of runc's
# containers as well.
INPUT = "all of it\n" * 100_000
SUM_UP, SUM = f"head -c {len(INPUT)} | md5sum", f"{hashlib.md5(INPUT.encode()).hexdigest()}  -\n"


def said(stream):
    return "".join(itertools.takewhile(lambda line: line != f"{DONE}\n", stream))


class Containerd(EngineTest):
    needs = ("containerd", "containerd-shim-runc-v2", "ctr")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.state_root = cls.scratch / "runtime" / cls.group
        (cls.scratch / "config.toml").write_text(CONFIG.format(scratch=cls.scratch))
        cls.env = {**os.environ, "TMPDIR": str(cls.scratch), "CONTAINERD_SNAPSHOTTER": "native",
                   "CONTAINERD_ADDRESS": str(cls.scratch / "socket"),
                   "CONTAINERD_NAMESPACE": cls.group}  # ctr makes cgroups below this name
        with open(cls.scratch / "containerd.log", "w", encoding="utf-8") as log:
            cls.daemon = subprocess.Popen(
                ["containerd", "--config", str(cls.scratch / "config.toml")], env=cls.env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        cls.addClassCleanup(cls.end_daemon)
        until(lambda: cls.ctr("version").returncode == 0, "an answer of containerd")
        archive = cls.scratch / "image.tar"
        engine.image_archive(archive, cls.busybox)
        loaded = cls.ctr("image", "import", archive)
        if loaded.returncode:
            raise AssertionError(f"ctr image import: {loaded.stdout} {loaded.stderr}")

    @classmethod
    def end_daemon(cls):
        cls.daemon.terminate()
        try:
            cls.daemon.wait(engine.PATIENCE)
        except subprocess.TimeoutExpired:
            cls.daemon.kill()
            cls.daemon.wait()
            raise

    def engine_processes(self):
        return (self.daemon.pid,)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.remove_all)

    def socket(self):
        """Where the container's shim listens; others have theirs there too (shim/util_unix.go)."""
        words = f"{self.scratch}/socket/{self.group}/box"
        return SOCKETS / hashlib.sha256(words.encode()).hexdigest()

    def left(self):
        path = self.socket()
        return {**super().left(), **({"socket": str(path)} if path.exists() else {})}

    def remove(self, left):
        super().remove(left)
        self.socket().unlink(missing_ok=True)
        until(self.forgotten, "an end of what containerd still remembers")

    def forgotten(self):
        self.remove_all()
        return not self.ctr("container", "list", "--quiet").stdout

    def remove_all(self):
        for name in self.ctr("task", "list", "--quiet").stdout.split():
            self.ctr("task", "delete", "--force", name)
        for name in self.ctr("container", "list", "--quiet").stdout.split():
            self.ctr("container", "delete", name)

    @classmethod
    def ctr(cls, *args, **kwargs):
        return engine.run("ctr", *args, env=cls.env, **kwargs)

    def command(self, *options, command):
        return ["run", "--runc-binary", str(RUNTIME), "--runc-root", str(self.state_root.parent),
                "--fifo-dir", str(self.scratch / "fifos"), "--seccomp", *options, IMAGE, "box",
                *command]

    def box(self, *options, command, **kwargs):
        """A container that ends by itself."""
        return self.ctr(*self.command("--rm", *options, command=command), **kwargs)

    def shell(self, script, *options, stdin=""):
        return self.hear(self.command("--rm", *options, command=script_that_waits(script)), stdin)

    def execute_shell(self, script, options=(), stdin=""):
        return self.hear(self.execution(*script_that_waits(script), options=options), stdin)

    def hear(self, args, stdin=""):
        """Runs ctr with a script_that_waits, until it waits no more."""
        with subprocess.Popen(["ctr", *args], env=self.env, text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            timer = threading.Timer(2 * engine.PATIENCE, process.kill)
            timer.start()
            process.stdin.write(stdin)
            process.stdin.flush()
            heard = [said(process.stdout), said(process.stderr)]
            rest = process.communicate("\n")
            timer.cancel()
        return subprocess.CompletedProcess(args, process.returncode, heard[0] + rest[0],
                                           heard[1] + rest[1])

    def service(self, *options, command=None):
        """A container that runs on, and is ready."""
        started = self.ctr(*self.command("--detach", *options, command=command or SERVICE))
        self.assertEqual((started.returncode, started.stdout), (0, ""), started.stderr)
        if command is None:
            self.wait_for_log(["ready"])

    def wait_for_log(self, lines):
        until(lambda: self.execute("cat", "/log").stdout.split() == lines, f"{lines} in /log")

    def execute(self, *command, options=(), **kwargs):
        return self.ctr(*self.execution(*command, options=options), **kwargs)

    def execution(self, *command, options=()):
        return ["task", "exec", "--exec-id", "more", "--fifo-dir", str(self.scratch / "fifos"),
                *options, "box", *command]

    def tasks(self):
        """The state and the pid of each task, by name."""
        lines = self.ctr("task", "list").stdout.splitlines()[1:]
        return {name: (state, int(pid)) for name, pid, state in map(str.split, lines)}

    def wait_for_end(self):
        until(lambda: self.tasks()["box"][0] == "STOPPED", "the end of the container")

    def delete_task(self):
        """Its exit code: ctr warns when it is not 0."""
        warning = re.search(r"non-zero exit code (\d+)", self.ctr("task", "delete", "box").stderr)
        return int(warning.group(1)) if warning else 0


class Run(Containerd):
    def test_output_and_error_output_are_apart(self):
        result = self.shell("echo out; echo err >&2")
        self.assertEqual((result.stdout, result.stderr, result.returncode), ("out\n", "err\n", 0))

    def test_exit_code_is_the_programs(self):
        for code in (1, 42, 255):
            self.assert_run(self.shell(f"exit {code}"), code=code)

    def test_input_goes_through_whole(self):
        self.assert_run(self.shell(SUM_UP, stdin=INPUT), SUM)

    def test_a_missing_program_is_an_error_that_names_it(self):
        for program in ("missing", "/etc/data"):
            result = self.box(command=[program])
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(program, result.stderr)
            self.remove_all()

    def test_an_error_of_the_runtime_reaches_the_user(self):
        result = self.shell("echo no", "--with-ns", "network:/not/there")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("/not/there", result.stderr)

    def test_terminal(self):
        terminal = self.terminal("ctr", *self.command("--rm", "--tty", command=["sh"]),
                                 rows=33, columns=99, env=self.env)
        self.assertEqual(self.talk(terminal), 7)

    def test_environment_and_directory(self):
        result = self.shell("echo $WORD; pwd", "--env", "WORD=said", "--cwd", "/work")
        self.assert_run(result, "said\n/work\n")

    def test_read_only_root(self):
        result = self.shell("touch /x || echo no", "--read-only")
        self.assert_run(result, "no\n")
        self.assertIn("Read-only file system", result.stderr)

    def test_mounts(self):
        shared = self.scratch / "shared"
        shared.mkdir(exist_ok=True)
        (shared / "word").write_text("from outside\n")
        mount = f"type=bind,src={shared},dst=/v,options="
        result = self.shell("cat /v/word; echo from inside >/v/word", "--mount", mount + "rbind:rw")
        self.assert_run(result, "from outside\n")
        self.assertEqual((shared / "word").read_text(), "from inside\n")
        result = self.shell("cat /v/word; echo x >/v/word", "--mount", mount + "rbind:ro")
        self.assert_run(result, "from inside\n", code=1)
        result = self.shell("grep -c ' /v tmpfs .*size=1024k' /proc/mounts",
                            "--mount", "type=tmpfs,src=tmpfs,dst=/v,options=size=1m:mode=1770")
        self.assert_run(result, "1\n")

    def test_the_default_filter_is_in_force(self):
        self.assert_run(self.shell(FILTER_MODE), "2\n")
        self.service()
        self.assert_run(self.execute_shell(FILTER_MODE), "2\n")

    def test_a_filter_of_ones_own_is_in_force(self):
        path = self.scratch / "filter.json"
        path.write_text(json.dumps(engine.NO_DIRECTORIES))
        for more in ((), ("--allow-new-privs",)):
            result = self.shell("mkdir /x; echo $?; touch /y; echo $?",
                                "--seccomp-profile", str(path), *more)
            self.assertEqual((result.returncode, result.stdout), (0, "1\n0\n"), result.stderr)
            self.assertIn("Read-only file system", result.stderr)

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
        self.assertEqual(self.capabilities("--cap-drop", "CAP_CHOWN"), default & ~chown)
        self.assertEqual(self.capabilities("--cap-add", "CAP_NET_ADMIN"), default | net_admin)

    def test_no_new_privileges_unless_allowed(self):
        script = "grep NoNewPrivs /proc/self/status"
        self.assert_run(self.shell(script), "NoNewPrivs:\t1\n")
        self.assert_run(self.shell(script, "--allow-new-privs"), "NoNewPrivs:\t0\n")

    def test_namespaces(self):
        kinds = ("ipc", "mnt", "net", "pid", "uts")
        links = self.shell("".join(f"readlink /proc/self/ns/{kind};" for kind in kinds)).stdout
        for kind, link in zip(kinds, links.split(), strict=True):
            self.assertNotEqual(link, engine.namespace("self", kind))
        self.assert_run(self.shell("readlink /proc/self/ns/net", "--net-host"),
                        engine.namespace("self", "net") + "\n")
        self.assert_run(self.shell("readlink /proc/self/ns/uts", "--with-ns",
                                   f"uts:/proc/{os.getpid()}/ns/uts"),
                        engine.namespace("self", "uts") + "\n")


class Lifecycle(Containerd):
    def test_list_ps_and_delete(self):
        self.service()
        self.assertTrue(self.socket().exists())  # or left() would look for nothing
        state, pid = self.tasks()["box"]
        self.assertEqual(state, "RUNNING")
        processes = {int(line.split()[0]) for line in
                     self.ctr("task", "ps", "box").stdout.splitlines()[1:]}
        self.assertIn(pid, processes)
        self.assertEqual({engine.namespace(process, "pid") for process in processes},
                         {engine.namespace(pid, "pid")})
        self.assertNotEqual(self.ctr("task", "delete", "box").returncode, 0)  # it runs
        self.assertEqual(self.ctr("task", "delete", "--force", "box").returncode, 0)
        self.assertIsNone(engine.parent_of(pid))
        self.assertEqual(self.ctr("container", "delete", "box").returncode, 0)

    def test_kill(self):
        self.service()
        for count, name in enumerate(("HUP", "SIGHUP", "1"), 1):
            self.assert_run(self.ctr("task", "kill", "--signal", name, "box"))
            self.wait_for_log(["ready"] + count * ["again"])
        self.assert_run(self.ctr("task", "kill", "box"))
        self.wait_for_end()
        self.assertEqual(self.delete_task(), 3)

    def test_kill_of_an_ended_one_says_so(self):
        self.service()
        self.ctr("task", "kill", "--signal", "KILL", "box")
        self.wait_for_end()
        result = self.ctr("task", "kill", "box")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "process already finished|not found")
        self.assertEqual(self.delete_task(), 137)

    def test_kill_all(self):
        self.service("--with-ns", f"pid:/proc/{os.getpid()}/ns/pid",
                     command=["sh", "-c", "sleep 1000 & sleep 1000 & wait"])
        pid = self.tasks()["box"][1]
        children = Path(f"/proc/{pid}/task/{pid}/children")
        pids = until(lambda: len(children.read_text().split()) == 2 and
                     children.read_text().split(), "two sleepers")
        self.assert_run(self.ctr("task", "kill", "--all", "--signal", "KILL", "box"))
        until(lambda: not any(map(engine.parent_of, pids)), "their end")
        self.wait_for_end()

    def test_pause(self):
        self.service()
        pid = self.tasks()["box"][1]
        self.assertFalse(engine.frozen(pid))
        self.assert_run(self.ctr("task", "pause", "box"))
        self.assertEqual(self.tasks()["box"][0], "PAUSED")
        self.assertTrue(engine.frozen(pid))
        self.assert_run(self.ctr("task", "resume", "box"))
        self.assertEqual(self.tasks()["box"][0], "RUNNING")
        self.assertFalse(engine.frozen(pid))
        self.assert_run(self.execute_shell("echo awake"), "awake\n")

    def test_a_paused_one_is_deleted(self):
        self.service()
        self.assert_run(self.ctr("task", "pause", "box"))
        self.assertEqual(self.ctr("task", "delete", "--force", "box").returncode, 0)

    def test_two_of_one_name(self):
        self.service()
        second = self.ctr(*self.command("--detach", command=SERVICE))
        self.assertNotEqual(second.returncode, 0)
        self.assertEqual(self.tasks()["box"][0], "RUNNING")


class Exec(Containerd):
    def setUp(self):
        super().setUp()
        self.service("--env", "WORD=of the container")

    def test_output_input_and_exit_code(self):
        result = self.execute_shell("echo out; echo err >&2; exit 42")
        self.assertEqual((result.stdout, result.returncode), ("out\n", 42))
        self.assertTrue(result.stderr.startswith("err\n"), result.stderr)
        self.assert_run(self.execute_shell(SUM_UP, stdin=INPUT), SUM)

    def test_death_by_signal(self):
        self.assert_run(self.execute("sh", "-c", "kill -9 $$"), code=137)

    def test_a_missing_program_is_an_error_that_names_it(self):
        result = self.execute("missing")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("missing", result.stderr)

    def test_it_is_in_the_container(self):
        pid = self.tasks()["box"][1]
        kinds = ("cgroup", "ipc", "mnt", "net", "pid", "uts")
        script = "".join(f"readlink /proc/self/ns/{kind};" for kind in kinds)
        result = self.execute_shell(script + "cat /proc/1/comm")
        links = "".join(f"{engine.namespace(pid, kind)}\n" for kind in kinds)
        self.assert_run(result, links + "sh\n")

    def test_environment_directory_user(self):
        script = "echo $WORD; pwd; id -u; id -g"
        self.assert_run(self.execute_shell(script), "of the container\n/\n0\n0\n")
        result = self.execute_shell(script, options=["--user", "worker", "--cwd", "/work"])
        self.assert_run(result, f"of the container\n/work\n{WORKER}\n{WORKER}\n")

    def test_terminal(self):
        terminal = self.terminal("ctr", *self.execution("sh", options=["--tty"]),
                                 rows=33, columns=99, env=self.env)
        self.assertEqual(self.talk(terminal), 7)

    def test_detached(self):
        self.assert_run(self.execute("sh", "-c", "echo x >>/tmp/x", options=["--detach"]))
        until(lambda: Path(f"/proc/{self.tasks()['box'][1]}/root/tmp/x").exists(), "what it writes")

    def test_kill_of_the_exec_alone(self):
        process = subprocess.Popen(["ctr", *self.execution("sh", "-c", "echo in; sleep 1000")],
                                   env=self.env, stdout=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), "in\n")
        self.assert_run(self.ctr("task", "kill", "--exec-id", "more", "--signal", "KILL", "box"))
        process.communicate(timeout=engine.PATIENCE)
        self.assertEqual(process.returncode, 137)
        self.assertEqual(self.tasks()["box"][0], "RUNNING")

    def test_dies_with_the_container(self):
        process = subprocess.Popen(["ctr", *self.execution("sh", "-c", "echo in; sleep 1000")],
                                   env=self.env, stdout=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), "in\n")
        self.ctr("task", "kill", "--signal", "KILL", "box")
        process.communicate(timeout=engine.PATIENCE)
        self.assertEqual(process.returncode, 137)


if __name__ == "__main__":
    unittest.main()
