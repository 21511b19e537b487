"""exec: one more process in a container that is there already. Whatever it does not say itself it
has from the container; what it says is its own alone."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from lifecycle import ROOT, Containers, alive, children, process_state, until

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
KILLED = 128 + signal.SIGKILL


class Execs(Containers):
    def exec(self, name, *program, options=(), **kwargs):
        return self.runtime("exec", *options, name, "/probe", *program, **kwargs)

    def process_file(self, **changes):
        """A process.json (config.md "Process") with a few members changed, as engines write it."""
        process = {**self.default["process"], "args": ["/probe", "self"], **changes}
        path = self.area / "process.json"
        path.write_text(json.dumps(process))
        return path

    def exec_file(self, name, *options, **changes):
        return self.runtime("exec", "--process", self.process_file(**changes), *options, name)

    def facts(self, result):
        """What "probe self" said: its lines by their first word; env as a list."""
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        words = [line.partition(" ") for line in result.stdout.splitlines()]
        facts = {name: value for name, _, value in words if name != "env"}
        return {**facts, "env": [value for name, _, value in words if name == "env"]}

    def user_namespace(self):
        """What root changes to have one, with a root file system that is its own."""
        os.chown(self.bundle / "rootfs", 100000, 100000)
        mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        end = len(self.default["linux"]["namespaces"])
        return {f"linux.namespaces.{end}": {"type": "user"}, "linux.uidMappings": mapping,
                "linux.gidMappings": mapping}

    def has_descriptors(self, pid):
        return sorted(int(number) for number in os.listdir(f"/proc/{pid}/fd"))


class Exec(Execs):
    def test_it_joins_every_namespace_and_the_root(self):
        pid = self.start("one")
        facts = self.facts(self.exec("one", "self"))
        for kind in NAMESPACES:
            if os.path.exists(f"/proc/self/ns/{kind}"):
                self.assertEqual(facts[f"ns.{kind}"], os.readlink(f"/proc/{pid}/ns/{kind}"), kind)
        self.assertEqual(facts["hostname"], self.default["hostname"])
        self.assertNotEqual(facts["pid"], "1")
        self.assertEqual(facts["sid"], facts["pid"])  # a session of its own
        marker = self.bundle / "rootfs/marker"
        marker.touch()
        self.assertIn("/marker file", self.exec("one", "stat", "/marker").stdout)

    def test_it_joins_every_cgroup(self):
        pid = self.start("one")
        self.works("exec", "--detach", "--pid-file", self.area / "pid", "one", "/probe", "wait")
        other = int((self.area / "pid").read_text())
        self.assertEqual(Path(f"/proc/{other}/cgroup").read_text(),
                         Path(f"/proc/{pid}/cgroup").read_text())

    def test_without_a_process_file_it_is_as_the_containers_program(self):
        self.start("one", {"process.cwd": "/tmp", "process.env": ["A=1", "B="],
                           "process.user.umask": 0o27})
        facts = self.facts(self.exec("one", "self"))
        self.assertEqual((facts["cwd"], facts["env"], facts["umask"]),
                         ("/tmp", ["A=1", "B="], "0027"))
        self.assertEqual((facts["NoNewPrivs"], facts["CapEff"]), ("1", facts["CapBnd"]))

    def test_options_change_a_few(self):
        self.start("one")
        facts = self.facts(self.exec("one", "self", options=[
            "--cwd", "/tmp", "--env", "A=1", "-e", "B=x=y"]))
        self.assertEqual(facts["cwd"], "/tmp")
        self.assertLess({"A=1", "B=x=y"}, set(facts["env"]))
        self.assertEqual(self.exec("one", "exit", "3", options=["--"]).returncode, 3)

    def test_the_process_file_decides(self):
        kill, chown = "CAP_KILL", "CAP_CHOWN"
        changes = {"process.oomScoreAdj": 100}
        for kind in ("bounding", "permitted", "effective"):
            changes[f"process.capabilities.{kind}"] = [kill, chown]
        self.start("one", changes)
        for no_new_privileges in (True, False):
            facts = self.facts(self.exec_file(
                "one", args=["/probe", "self", "x", ""], cwd="/tmp", env=["ONLY=this"],
                user={"uid": 0, "gid": 0, "umask": 0o137}, noNewPrivileges=no_new_privileges,
                capabilities={"bounding": [chown], "permitted": [chown], "effective": [chown],
                              "inheritable": [chown], "ambient": [chown]},
                rlimits=[{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 99}], oomScoreAdj=300))
            self.assertEqual([facts[f"arg{n}"] for n in range(4)], ["/probe", "self", "x", ""])
            self.assertEqual((facts["cwd"], facts["env"], facts["umask"]),
                             ("/tmp", ["ONLY=this"], "0137"))
            self.assertEqual((facts["uid"], facts["gid"]), ("0 0 0", "0 0 0"))
            for kind in ("CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"):
                self.assertEqual(int(facts[kind], 16), 1, kind)  # CAP_CHOWN is number 0
            self.assertEqual(facts["NoNewPrivs"], str(int(no_new_privileges)))
            self.assertEqual((facts["rlimit7"], facts["oom_score_adj"]), ("77 99", "300"))

    def test_what_the_process_file_does_not_say_is_not_asked_for(self):
        # CVE-2022-29162: nothing may be inheritable that nobody listed.
        self.start("one")
        minimal = {"args": ["/probe", "self"], "cwd": "/", "user": {"uid": 0, "gid": 0}}
        path = self.area / "minimal.json"
        path.write_text(json.dumps(minimal))
        facts = self.facts(self.runtime("exec", "--process", path, "one"))
        self.assertEqual(facts["env"], [])
        for kind in ("CapInh", "CapAmb"):
            self.assertEqual(int(facts[kind], 16), 0, kind)

    def test_users_and_groups(self):
        self.start("one")
        facts = self.facts(self.exec_file("one", user={"uid": 1001, "gid": 1002,
                                                       "additionalGids": [7, 8, 1003]}))
        self.assertEqual((facts["uid"], facts["gid"], facts["groups"]),
                         ("1001 1001 1001", "1002 1002 1002", "7 8 1003"))
        self.assertEqual((facts["CapEff"], facts["CapPrm"]), ("0" * 16, "0" * 16))
        facts = self.facts(self.exec_file("one"))
        self.assertEqual((facts["uid"], facts["groups"]), ("0 0 0", ""))
        for user, expected in (("1001", ("1001", "0")), ("1001:1002", ("1001", "1002"))):
            facts = self.facts(self.exec("one", "self", options=["--user", user]))
            self.assertEqual((facts["uid"].split()[0], facts["gid"].split()[0]), expected)

    def test_a_user_is_read_strictly(self):
        # CVE-2026-30892: a user parsed loosely is another user than was asked for.
        self.start("one")
        for user in ("0x0", "+0", " 0", "0 ", "0:", ":0", ":", "", "-1", "0:-1", "4294967296",
                     "99999999999999999999", "0:0:0", "0:x", "root\n", "0,0", "0.0"):
            result = self.exec("one", "self", options=["--user", user])
            self.assertNotEqual(result.returncode, 0, f"{user!r}")
            self.assertEqual(result.stdout, "", f"{user!r}")
            self.assertRegex(result.stderr, r"\S", f"{user!r}")

    def test_exit_codes(self):
        self.start("one")
        for code in (0, 1, 42, 254):
            result = self.exec("one", "exit", str(code))
            self.assertEqual((result.returncode, result.stdout, result.stderr), (code, "", ""))
        result = self.exec("one", "crash", "now")
        self.assertIn(result.returncode, (128 + signal.SIGILL, 128 + signal.SIGTRAP))

    def test_a_signal_from_outside_is_in_the_exit_code(self):
        pid = self.start("one")
        path = self.area / "pid"
        running = self.spawn("exec", "--pid-file", path, "one", "/probe", "hear")
        until(lambda: os.pread(running.files[0].fileno(), 6, 0) == b"ready\n", "it is there")
        until(path.exists, "the pid file")  # the program does not wait for it
        other = int(path.read_text())
        os.kill(other, signal.SIGKILL)
        self.assertEqual(running.wait().returncode, KILLED)
        self.assertTrue(alive(pid))

    def test_255_when_it_cannot_be_executed(self):
        self.start("one")
        (self.bundle / "rootfs/text").write_text("no program\n")
        (self.bundle / "rootfs/text").chmod(0o755)
        (self.bundle / "rootfs/plain").write_bytes((self.bundle / "rootfs/probe").read_bytes())
        (self.bundle / "rootfs/plain").chmod(0o644)
        for program, reason in (("/not/there", "no such file"), ("nowhere", "not found"),
                                ("/text", ""), ("/plain", "permission denied"), ("/tmp", "")):
            for options in ([], ["--detach"]):
                result = self.runtime("exec", *options, "one", program)
                self.assertEqual((result.returncode, result.stdout), (255, ""), program)
                self.assertIn(program, result.stderr)
                self.assertIn(reason, result.stderr.lower())
        self.assertEqual(self.status("one"), "running")

    def test_bad_process_files(self):
        self.start("one")
        good = json.loads(self.process_file().read_text())
        path = self.area / "bad.json"
        for text in ("", "{", "[]", "null", "{}", json.dumps({**good, "args": []}),
                     json.dumps({**good, "cwd": "relative"}), json.dumps({**good, "user": "root"}),
                     json.dumps({**good, "rlimits": [{"type": "NONE", "soft": 1, "hard": 1}]}),
                     json.dumps({**good, "capabilities": {"bounding": ["CAP_NONE"]}})):
            path.write_text(text)
            result = self.runtime("exec", "--process", path, "one")
            self.assertIn(result.returncode, (1, 255), text)
            self.assertEqual(result.stdout, "", text)
            self.assertRegex(result.stderr, r"\S", text)
        result = self.runtime("exec", "--process", "/not/there", "one")
        self.assertIn(result.returncode, (1, 255))
        self.assertIn("/not/there", result.stderr)

    def test_a_directory_outside_is_no_cwd(self):
        # CVE-2024-21626: a descriptor of the runtime's, as a working directory, is the host.
        self.start("one")
        holder = os.open("/", os.O_RDONLY)
        os.set_inheritable(holder, True)
        self.addCleanup(os.close, holder)
        for number in range(3, 20):
            for more in ("", "/..", "/../../.."):
                cwd = f"/proc/self/fd/{number}{more}"
                result = self.runtime("exec", "--process", self.process_file(
                    cwd=cwd, args=["/probe", "stat", "probe", "etc/passwd"]), "one",
                    pass_fds=[holder])
                if result.returncode == 0:  # its own descriptors end in its own root
                    self.assertIn("probe file", result.stdout, cwd)
                    self.assertIn("etc/passwd ENOENT", result.stdout, cwd)


class Streams(Execs):
    def test_input_output_and_errors_are_passed_through(self):
        self.start("one")
        data = bytes(range(256)) * 4096  # 1 MiB
        source, target = self.area / "source", self.area / "target"
        source.write_bytes(data)
        with open(source, "rb") as stdin, open(target, "wb") as stdout:
            result = self.exec("one", "read", "0", stdin=stdin, stdout=stdout)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(target.read_bytes(), data)
        result = self.exec("one", "spew", str(1 << 20))
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (0, "x" * (1 << 20), "x" * (1 << 20)))

    def test_pipes(self):
        self.start("one")
        data = bytes(range(256)) * 4096
        command = self.spawn("exec", "one", "/probe", "read", "0", stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE).process
        out, _ = command.communicate(data, timeout=60)
        self.assertEqual((command.returncode, out == data), (0, True))

    def test_the_end_of_output_is_the_end_of_the_program(self):
        # Nobody else may hold the pipe open: neither the runtime's helpers nor the container.
        self.start("one")
        command = self.spawn("exec", "--detach", "--pid-file", self.area / "pid", "one", "/probe",
                             "hear", stdout=subprocess.PIPE)
        self.assertEqual(command.process.stdout.readline(), b"ready\n")
        self.assertEqual(command.wait().returncode, 0)
        pid = int((self.area / "pid").read_text())
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(command.process.stdout.read(), b"")
        command.process.stdout.close()
        self.assertEqual(self.reap(pid), -signal.SIGKILL)

    def test_preserved_descriptors_and_no_others(self):
        read, write = os.pipe()
        os.write(write, b"from a pipe")
        os.close(write)
        file = os.open(self.area / "file", os.O_RDWR | os.O_CREAT)
        os.write(file, b"from a file")
        os.lseek(file, 0, os.SEEK_SET)
        directory = os.open("/", os.O_RDONLY)
        for fd in (read, file, directory):
            self.addCleanup(os.close, fd)
        wanted = {3: read, 4: file, 5: directory, 9: directory}
        self.start("one")
        for options, env, count in ((["--preserve-fds", "2"], {}, 2), ([], {}, 0),
                                    ([], {"LISTEN_FDS": "2"}, 2),
                                    (["--preserve-fds", "1"], {"LISTEN_FDS": "1"}, 2)):
            with self.subTest(options=options, env=env):
                facts = self.facts(self.with_descriptors(wanted, env, "exec", *options, "one",
                                                         "/probe", "self"))
                kept = facts["descriptors"].split()
                self.assertEqual(kept, [str(n) for n in range(3 + count)])
                heard = dict(item.split("=") for item in facts["env"] if item[:7] == "LISTEN_")
                self.assertEqual(heard.get("LISTEN_FDS"), env.get("LISTEN_FDS"))
                if env:  # sd_listen_fds(3) wants the program's own; crun and runc always say 1
                    self.assertIn(heard["LISTEN_PID"], (facts["pid"], "1"))
        result = self.with_descriptors(wanted, {}, "exec", "--preserve-fds", "2", "one", "/probe",
                                       "read", "3", "4")
        self.assertEqual(result.stdout, "from a pipefrom a file")

    def test_preserved_descriptors_of_create(self):
        file = os.open(self.area / "file", os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, file)
        os.write(file, b"from a file")
        os.lseek(file, 0, os.SEEK_SET)
        for name, options, env in (("a", ["--preserve-fds", "1"], {}),
                                   ("b", [], {"LISTEN_FDS": "1"}), ("none", [], {})):
            self.said_file.write_text("")
            self.write({"process.args": ["/probe", "self"]})
            with open(self.said_file, "ab") as said:
                result = self.with_descriptors({3: file, 4: file, 7: file}, env, "create",
                                               "--bundle", self.bundle, *options, name, stdout=said)
            self.assertEqual(result.returncode, 0, result.stderr)
            pid = self.state(name)["pid"]
            self.works("start", name)
            self.assertEqual(self.reap(pid), 0)
            lines = self.said().splitlines()
            self.assertIn("descriptors 0 1 2" + (" 3" if options or env else ""), lines)
            heard = {line for line in lines if line.startswith("env LISTEN_")}
            self.assertEqual(heard, {"env LISTEN_FDS=1", "env LISTEN_PID=1"} if env else set())

    def test_a_descriptor_that_is_not_there_is_an_error(self):
        file = os.open(self.area / "file", os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, file)
        self.start("one")
        self.write()
        for args in (["exec", "--preserve-fds", "3", "one", "/probe", "exit", "0"],
                     ["create", "--bundle", self.bundle, "--preserve-fds", "3", "two"]):
            result = self.with_descriptors({3: file, 5: file}, {}, *args)
            self.assertNotEqual(result.returncode, 0, args)
            self.assertEqual(result.stdout, "")
            self.assertIn("4", result.stderr)
        for count in ("-1", "x", "", "99999999999", "1000000"):
            result = self.runtime("exec", "--preserve-fds", count, "one", "/probe", "exit", "0")
            self.assertNotEqual(result.returncode, 0, count)
        self.assertEqual(self.listed(), ["one"])

    def with_descriptors(self, wanted, env, *args, **kwargs):
        """A command of the runtime that has exactly these descriptors besides its streams."""
        def arrange():
            # First out of the way of all targets, then to their places.
            high = {number: os.dup2(fd, 100 + number) for number, fd in wanted.items()}
            for number, fd in high.items():
                os.dup2(fd, number, inheritable=True)
            os.closerange(100, 200)
        return self.runtime(*args, preexec_fn=arrange, close_fds=False,
                            env={**os.environ, **env}, **kwargs)


class Detached(Execs):
    def test_the_pid_file_and_the_life_of_it(self):
        self.start("one")
        path = self.area / "pid"
        with open(self.said_file, "ab") as said:
            result = self.exec("one", "hear", options=["--detach", "--pid-file", path], stdout=said)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        pid = int(path.read_text())
        self.assertTrue(alive(pid))
        until(lambda: self.said().count("ready") == 2, "it speaks")
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(self.reap(pid), 0)
        self.assertEqual(self.status("one"), "running")

    def test_it_ends_with_the_container(self):
        init = self.start("one")
        path = self.area / "pid"
        self.works("exec", "--detach", "--pid-file", path, "one", "/probe", "wait")
        pid = int(path.read_text())
        self.works("kill", "one", "KILL")
        self.assertEqual(self.reap(pid), -signal.SIGKILL)
        self.assertEqual(self.reap(init), -signal.SIGKILL)
        self.works("delete", "one")
        self.assert_nothing_left("one")

    def test_into_one_that_is_only_created(self):
        pid = self.create("one")
        facts = self.facts(self.exec("one", "self"))
        for kind in NAMESPACES:
            if os.path.exists(f"/proc/self/ns/{kind}"):
                self.assertEqual(facts[f"ns.{kind}"], os.readlink(f"/proc/{pid}/ns/{kind}"), kind)
        self.assertEqual((self.status("one"), self.said()), ("created", ""))
        self.works("start", "one")
        until(lambda: self.said() == "ready\n", "the program")

    def test_into_a_stopped_or_missing_one(self):
        pid = self.start("one")
        self.works("kill", "one", "KILL")
        until(lambda: not alive(pid), "it ends")
        for _ in ("a zombie", "reaped"):
            result = self.exec("one", "exit", "0")
            self.assertIn(result.returncode, (1, 255))
            self.assertRegex(result.stderr, r"\S")
            if process_state(pid):
                self.reap(pid)
        result = self.exec("two", "exit", "0")
        self.assertIn(result.returncode, (1, 255))
        self.assertIn("does not exist", result.stderr)

    def test_into_a_dying_one(self):
        # The container ends at any moment of an exec: that ends too, and says so.
        for number in range(30):
            pid = self.start("one")
            running = [self.spawn("exec", "one", "/probe", "wait") for _ in range(3)]
            for _ in range(number):  # a little later each time: so many looks at the container
                os.path.exists(f"/proc/{pid}/ns/mnt")
            if number % 3 == 2:
                until(lambda: [p for p in map(children, [r.pid for r in running]) if p],
                      "a child of the runtime")
            os.kill(pid, signal.SIGKILL)
            for command in running:
                result = command.wait()
                self.assertIn(result.returncode, (1, 255, KILLED), result.stderr)
                if result.returncode != KILLED:
                    self.assertRegex(result.stderr, r"\S")
            self.reap(pid)
            self.assertEqual(self.status("one"), "stopped")
            self.works("delete", "one")
            self.assert_nothing_left("one")

    def test_into_one_that_shares_the_hosts_pids(self):
        namespaces = [n for n in self.default["linux"]["namespaces"] if n["type"] != "pid"]
        pid = self.start("one", {"linux.namespaces": namespaces})
        facts = self.facts(self.exec("one", "self"))
        self.assertEqual(facts["ns.pid"], os.readlink("/proc/self/ns/pid"))
        self.assertEqual(facts["ns.mnt"], os.readlink(f"/proc/{pid}/ns/mnt"))
        path = self.area / "pid"
        self.works("exec", "--detach", "--pid-file", path, "one", "/probe", "wait")
        self.works("kill", "one", "KILL")
        self.assertEqual(self.reap(int(path.read_text())), -signal.SIGKILL)

    def test_into_one_with_a_user_namespace(self):
        pid = self.start("one", self.user_namespace())
        facts = self.facts(self.exec("one", "self"))
        self.assertEqual(facts["ns.user"], os.readlink(f"/proc/{pid}/ns/user"))
        self.assertEqual((facts["uid"], facts["gid"]), ("0 0 0", "0 0 0"))
        path = self.area / "pid"
        self.works("exec", "--detach", "--pid-file", path, "--process", self.process_file(
            args=["/probe", "wait"], user={"uid": 5, "gid": 6, "additionalGids": [7]}), "one")
        status = Path(f"/proc/{path.read_text().strip()}/status").read_text()
        self.assertRegex(status, r"\nUid:\t100005\t100005\t100005\t100005\n")
        self.assertRegex(status, r"\nGid:\t100006\t100006\t100006\t100006\n")
        self.assertRegex(status, r"\nGroups:\t100007 \n")


class JoinedMounts(Execs):
    """Containers whose mount namespace is another's, by its path: there is one root file system, in
    which root.path starts from the root of that namespace."""

    def join(self, pid, root="/", **changes):
        """What makes a container join the mounts of a process; it mounts nothing then."""
        kinds = {"mount": "mnt", **({} if ROOT else {"user": "user"})}
        namespaces = [{**namespace, "path": f"/proc/{pid}/ns/{kinds[namespace['type']]}"}
                      if namespace["type"] in kinds else namespace
                      for namespace in self.default["linux"]["namespaces"]]
        if not ROOT:
            changes.update({"linux.uidMappings": [], "linux.gidMappings": []})
        return {"linux.namespaces": namespaces, "mounts": [], "linux.maskedPaths": [],
                "linux.readonlyPaths": [], "root.path": root, **changes}

    def check_joined(self, name, init, holder):
        """One that comes in has its namespaces, whoever made them; seen from outside, for the /proc
        that is mounted shows the pids of the holder."""
        path = self.area / "pid"
        self.works("exec", "--detach", "--pid-file", path, name, "/probe", "wait")
        pid = int(path.read_text())
        for kind in ("mnt", "pid", "net", "uts", "ipc", "user"):
            its_own = os.readlink(f"/proc/{pid}/ns/{kind}")
            self.assertEqual(its_own, os.readlink(f"/proc/{init}/ns/{kind}"), kind)
            joined = its_own == os.readlink(f"/proc/{holder}/ns/{kind}")
            self.assertEqual(joined, kind in ("mnt", "user"), kind)
        os.kill(pid, signal.SIGKILL)
        self.reap(pid)

    def test_it_sees_the_mounts_that_are_joined(self):
        holder = self.start("holder")
        (self.bundle / "rootfs/marker").touch()
        pid = self.start("one", self.join(holder))
        self.check_joined("one", pid, holder)
        said = self.exec("one", "stat", "/marker", "/dev/pts/ptmx", "/etc/passwd").stdout
        self.assertIn("/marker file", said)
        self.assertIn("/dev/pts/ptmx char", said)  # a mount of the holder's
        self.assertIn("/etc/passwd ENOENT", said)
        self.assertEqual(self.exec("one", "exit", "9").returncode, 9)

    def test_it_goes_on_when_the_one_that_made_them_is_gone(self):
        holder = self.start("holder")
        pid = self.start("one", self.join(holder))
        mounts = os.readlink(f"/proc/{holder}/ns/mnt")
        self.works("delete", "--force", "holder")
        until(lambda: not alive(holder), "the holder ends")
        self.assertEqual(os.readlink(f"/proc/{pid}/ns/mnt"), mounts)
        self.assertIn("/probe file", self.exec("one", "stat", "/probe").stdout)
        self.works("delete", "--force", "one")
        until(lambda: self.reap_orphans() or not self.processes(), "all processes end")
        self.assert_nothing_left("one")

    def test_its_root_may_be_further_in(self):
        # A path that is a directory outside too, for that is asked for, but another.
        inner = self.bundle / "rootfs/usr/bin"
        inner.mkdir(parents=True)
        shutil.copy(self.bundle / "rootfs/probe", inner)
        (inner / "inside").touch()
        holder = self.start("holder")
        pid = self.start("one", self.join(holder, root="/usr/bin"))
        self.check_joined("one", pid, holder)
        said = self.exec("one", "stat", "/inside", "/env", "/../usr", "/../../dev/pts").stdout
        self.assertIn("/inside file", said)
        for outside in ("/env", "/../usr", "/../../dev/pts"):
            self.assertIn(f"{outside} ENOENT", said)


class Many(Execs):
    def test_fifty_at_once_twenty_times(self):
        for n in range(50):
            (self.bundle / f"rootfs/n{n}").write_text(f"this is {n}\n")
        pid = self.start("one")
        before = self.has_descriptors(pid), self.entries()
        for _ in range(20):
            running = [self.spawn("exec", "one", "/probe", "cat", f"/n{n}") for n in range(50)]
            for n, command in enumerate(running):
                result = command.wait()
                self.assertEqual((result.returncode, result.stdout, result.stderr),
                                 (0, f"this is {n}\n", ""))
        # No zombie and no process is left beside the first, no descriptor in that, and no file.
        self.assertEqual((children(os.getpid()), self.members(pid)), ([pid], [pid]))
        self.assertEqual((self.has_descriptors(pid), self.entries()), before)

    def members(self, pid):
        """All that is in the pid namespace of a process, zombies too."""
        def namespace(number):
            try:
                return os.readlink(f"/proc/{number}/ns/pid")
            except OSError:
                return None
        return [int(number) for number in os.listdir("/proc")
                if number.isdigit() and namespace(number) == namespace(pid)]


class Hostile(Execs):
    """CVE-2016-9962: while a process is on its way into the container, a hostile one inside looks
    through /proc for descriptors and directories of the host, and attaches to it. Being of the same
    user does not help it: those that come in are not dumpable until they execute the program
    (PR_SET_DUMPABLE(2const); ptrace(2), "Ptrace access mode checking")."""

    ROUNDS, AT_ONCE = 20, 10

    def attack(self, changes=None):
        # The preset would not let it attach to anything.
        self.default.pop("annotations")
        # Of the programs themselves this is all there is to see.
        self.start("one", {**(changes or {}),
                           "process.args": ["/probe", "spy", "/", "/probe", "/dev/null"]})
        for _ in range(self.ROUNDS):
            running = [self.spawn("exec", "one", "/probe", "exit", "0", stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) for _ in range(self.AT_ONCE)]
            self.assertEqual([command.wait().returncode for command in running],
                             [0] * self.AT_ONCE)
        self.works("kill", "one", "TERM")
        until(lambda: "attached" in self.said(), "the spy's summary")
        first, *seen, last = self.said().splitlines()
        self.assertEqual((first, sorted(set(seen))[:10]), ("ready", []))
        self.assertGreater(int(last.split()[1]), 0, "the spy came too late for all of them")

    def test_nothing_of_the_host_is_seen_of_those_that_come_in(self):
        # The capabilities are the default ones: with CAP_SYS_PTRACE, and no user namespace, the
        # kernel lets it look at everything.
        self.attack()

    def test_nothing_is_seen_with_all_capabilities_of_a_user_namespace(self):
        names = ("SYS_PTRACE", "SYS_ADMIN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "KILL", "SETUID")
        changes = {f"process.capabilities.{kind}": [f"CAP_{name}" for name in names]
                   for kind in ("bounding", "permitted", "effective")}
        if ROOT:
            changes.update(self.user_namespace())
        self.attack(changes)
