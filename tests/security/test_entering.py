"""What a hostile process inside can do to one of ours while it enters: until that is a program of
the container's, nothing. It is a copy of the caller, with the caller's memory."""

import json
import os
import re
import shutil
import signal
from pathlib import Path

from hole import GUARDED, SECRET, SEEN_BY_HOOKS, Hole, bind, compiled
import lifecycle
from lifecycle import ROOT, alive, children, executes, process_state, until

UNDUMPABLE = ("return (int)ctr__ret(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));", "return 0;")
CONCEAL = ("if (l->concealed[i].size) memset(l->concealed[i].start, 0, l->concealed[i].size);", "")
EXECS, AT_ONCE = 200, 4
STARTS = 40
LOOKS = 6  # at one that is stopped: at the second ctr__await and ctr__hear_started give up
FEW = ["CAP_KILL", "CAP_CHOWN"]


def switches(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)$", status, re.M)[1])


class Intruders(Hole):
    def setUp(self):
        super().setUp()
        shutil.copy(compiled((), "tests/security/intruder.c"), self.bundle / "rootfs/intruder")
        self.env = self.with_secret()

    def waits_for_ever(self, running, stopped, is_over=lambda: False):
        """Whether a command only goes on looking at one that it starts and that is stopped. Each
        time that it sleeps in between is a voluntary switch: proc_pid_status(5)."""
        first = None

        def known():
            nonlocal first
            if running.process.poll() is not None or is_over():
                return "it ends"
            now = switches(running.pid) if stopped() else None
            first = now if None in (first, now) else first
            return first is not None and now - first >= LOOKS and "it waits"
        return until(known, "it ends, or waits for one that is stopped") == "it waits"

    def got(self, text):
        """What it says that it got."""
        return {" ".join(line.split(" ", 2)[1:])[:80] for line in text.splitlines()
                if re.match(r"\d", line)}

    def intrude(self, *mode, changes=None):
        return self.start("one", {**(changes or {}), "process.args": ["/intruder", *mode]})

    def end_intruder(self):
        """What it got; it must have met somebody."""
        self.works("kill", "one", "TERM")
        until(lambda: "looked" in self.said(), "the intruder's summary")
        self.assertGreater(int(self.said().split("looked ")[1]), 0, "it came too late for all")
        return self.got(self.said())

    def more_rights(self):
        """A process with other capabilities than the intruder has."""
        process = {**self.default["process"], "args": ["/probe", "exit", "0"]}
        process["capabilities"] = {kind: [*FEW, "CAP_NET_ADMIN", "CAP_SYS_PTRACE"]
                                   for kind in ("bounding", "permitted", "effective")}
        path = self.area / "process.json"
        path.write_text(json.dumps(process))
        return ["--process", path, "one"]

    def exec_many(self, name="one"):
        """Until the intruder has got something, or has not of all of them."""
        kinds = [[name, "/probe", "exit", "0"], self.more_rights() if name == "one" else
                 ["--env", "A=1", name, "/probe", "exit", "0"]]
        for number in range(EXECS // AT_ONCE):
            running = [self.spawn("exec", *kinds[(number + i) % 2], env=self.env)
                       for i in range(AT_ONCE)]
            results = [command.wait() for command in running]
            self.assertEqual([r.returncode for r in results], [0] * AT_ONCE,
                             [r.stderr for r in results])
            if self.got(self.said()):
                break

    def user_namespace(self):
        os.chown(self.bundle / "rootfs", 100000, 100000)
        mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        end = len(self.default["linux"]["namespaces"])
        return {f"linux.namespaces.{end}": {"type": "user"}, "linux.uidMappings": mapping,
                "linux.gidMappings": mapping}


class CVE_2016_9962(Intruders):
    """A process that enters by exec is traced, its memory read, its descriptors and directories
    taken, by root inside."""

    without = [UNDUMPABLE]

    def attack(self):
        self.intrude("watch")
        self.exec_many()
        return self.end_intruder()


class CVE_2016_9962_with_a_user_namespace(Intruders):
    """The same with all capabilities of a user namespace, which the process that enters is in."""

    without = [UNDUMPABLE]

    def attack(self):
        names = ("SYS_PTRACE", "SYS_ADMIN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "KILL", "SETUID",
                 "CHOWN", "NET_ADMIN")
        changes = {f"process.capabilities.{kind}": [f"CAP_{name}" for name in names]
                   for kind in ("bounding", "permitted", "effective")}
        self.intrude("watch", changes={**changes, **(self.user_namespace() if ROOT else {})})
        self.exec_many()
        return self.end_intruder()


class CVE_2016_9962_with_shared_pids(Intruders):
    """The same by another container, whose pid namespace is shared: of processes that enter, and
    of the first one too."""

    without = [UNDUMPABLE]

    def attack(self):
        pid = self.intrude("watch")
        kinds = {"pid": "pid", **({} if ROOT else {"user": "user"})}
        spaces = [{**space, "path": f"/proc/{pid}/ns/{kinds[space['type']]}"}
                  if space["type"] in kinds else space
                  for space in self.default["linux"]["namespaces"]]
        changes = {"linux.namespaces": spaces, "process.args": ["/probe", "exit", "0"]}
        if not ROOT:
            changes.update({"linux.uidMappings": [], "linux.gidMappings": []})
        for number in range(EXECS // 4):
            self.write({**self.own_cgroup("two"), **changes})
            self.works("run", "--bundle", self.bundle, "two", env=self.env)
            if self.got(self.said()):
                break
        self.start("two", {**changes, "process.args": ["/probe", "hear"]})
        self.exec_many("two")
        return self.end_intruder()


class CVE_2016_9962_with_the_callers_pids(Intruders):
    """A container that shares root's pids, and is root without capabilities to speak of, looks at
    every other that root starts: at a process that is a copy of the caller, as soon as that has no
    more rights than it."""

    without = [GUARDED]

    def victim(self):
        """Its image gives it much to do when it has its rights, and before it executes."""
        path = "PATH=" + "/nowhere:" * 3000 + "/"
        return {"process.args": ["probe", "exit", "0"], "process.env": [path]}

    def got(self, text):
        """The caller's own command line everybody there can read anyway."""
        return {line for line in super().got(text) if not line.startswith("cmdline")}

    def attack(self):
        # Of all the machine's processes it may stop and look at these only.
        name = f"victim{os.getpid()}"
        shutil.copy(lifecycle.RUNTIME, self.area / name)
        self.use(self.area / name)
        own = [space for space in self.default["linux"]["namespaces"] if space["type"] != "pid"]
        self.intrude("watch", name, changes={"linux.namespaces": own})
        for number in range(STARTS):
            self.write({**self.own_cgroup("two"), **self.victim()})
            self.works("run", "--bundle", self.bundle, "two", env=self.env)
            if number % 4 == 0:
                self.create("two", self.victim(), env=self.env)
                self.works("delete", "--force", "two")
            if self.got(self.said()):
                break
        return self.end_intruder()


class CVE_2016_9962_in_a_new_user_namespace(CVE_2016_9962_with_the_callers_pids):
    """The same of a process in a user namespace that root has made: whoever is root has all
    capabilities over it, also with none of its own (user_namespaces(7)), from when it is cloned."""

    without = [("((b->new_namespaces & CTR_NS_USER) && ctr__guards_start(b))", "false")]

    def victim(self):
        return {"process.args": ["/probe", "exit", "0"], **self.user_namespace()}


class CVE_2016_9962_of_an_id_map(CVE_2016_9962_with_the_callers_pids):
    """The same of a process that is there for a user namespace only, from which a mount takes its
    ids."""

    without = [("int r = (int)ctr__ret(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));", "int r = 0;")]

    def victim(self):
        (self.bundle / "volume").mkdir(exist_ok=True)
        mounts = [*self.default["mounts"]]
        for number in range(60):
            ids = [{"containerID": 0, "hostID": 1000 + number, "size": 1}]
            mounts.append({**bind(self.bundle / "volume", f"/volume{number}"),
                           "options": ["bind"], "uidMappings": ids, "gidMappings": ids})
        return {"process.args": ["/probe", "exit", "0"], "mounts": mounts}


class CVE_2016_9962_by_a_hook(Intruders):
    """A startContainer hook is a program of the image too, and runs beside the process that is to
    execute the container's."""

    without = [SEEN_BY_HOOKS]
    already = [GUARDED]

    def attack(self):
        said = self.bundle / "rootfs/said"
        self.write({"hooks.startContainer": [{"path": "/intruder",
                                              "args": ["intruder", "once", "/said"]}],
                    "process.args": ["/probe", "exit", "0"]})
        self.works("run", "--bundle", self.bundle, "one", env=self.env)
        self.works("create", "--bundle", self.bundle, "two", env=self.env)
        self.works("start", "two", env=self.env)
        self.assertEqual(said.read_text().count("looked 1"), 2)
        return self.got(said.read_text())


class CVE_2016_9962_while_it_waits(Intruders):
    """What is executed in a container that is created can look at the process that waits. Only
    with the right to trace: who has none could not enter otherwise, which the manual says."""

    already = [GUARDED]
    without = [("  if (b->is_unseen) ctr__child_step(b, UNDUMPABLE, .field = NULL);\n", "")]

    def attack(self):
        self.create("one")
        return self.got(self.works("exec", "one", "/intruder", "once", env=self.env))


class Environment_while_it_waits(Intruders):
    """The same, of a caller without that right: what it reads in the process that waits is not the
    caller's environment."""

    without = [CONCEAL]

    def attack(self):
        self.create("one", env=self.env)
        found = self.got(self.works("exec", "one", "/intruder", "once", "/dev/stdout", SECRET))
        self.assertIn("memory process_vm_readv", found)
        return {line for line in found if line.startswith(("environ", "cmdline", "text"))}


class Command_line_of_the_caller(Intruders):
    """Everybody in a pid namespace can read the command line of all that are in it: of those that
    enter it is the caller's, with all that it was told."""

    without = [CONCEAL]

    def attack(self):
        self.intrude("watch", changes={f"process.capabilities.{kind}": FEW for kind in
                                       ("bounding", "permitted", "effective")})
        self.exec_many()
        self.write({"hooks.startContainer": [{"path": "/intruder",
                                              "args": ["intruder", "once", "/said"]}],
                    "process.args": ["/probe", "exit", "0"]})
        self.works("run", "--bundle", self.bundle, "two", env=self.env)
        found = self.end_intruder() | self.got((self.bundle / "rootfs/said").read_text())
        return {line for line in found if line.startswith("cmdline")}


class Core_dump_of_the_caller(Intruders):
    """A process that enters is made to dump core, which is a file in the container then with all
    of the caller's memory (core(5))."""

    without = [UNDUMPABLE]

    def attack(self):
        pattern = Path("/proc/sys/kernel/core_pattern").read_text()
        if pattern[0] in "|/":
            self.skipTest(f"cores go elsewhere here: kernel.core_pattern is {pattern.strip()}")
        self.intrude("dump")
        found = []
        for _ in range(60):
            result = self.runtime("exec", "one", "/probe", "exit", "0")
            self.assertIn(result.returncode, (0, 255, 128 + signal.SIGSEGV), result.stderr)
            # What is mapped is listed in a core (NT_FILE); the program may dump one as well.
            for core in (self.bundle / "rootfs").glob("core*"):
                found += [core.name] * (str(lifecycle.RUNTIME).encode() in core.read_bytes())
                core.unlink()
            if found:
                break
        self.end_intruder()
        return found


# What stands in ctr.h where it is waited for a process that others may have stopped.
SEEN_STOPPED = [("n == -EINTR || (n == 0 && stopped < 2));", "n == -EINTR || n == 0);")]


class Stopped_while_it_enters(Intruders):
    """Who may signal a process that enters can stop it, and with it whoever waits for it."""

    without = SEEN_STOPPED

    def stopped(self, pid, late):
        """Whom the stop met when it was the program already, which may be stopped; or before."""
        return [child for child in children(pid) if process_state(child) == "T" and
                executes(child, self.bundle / "rootfs/probe") == late]

    def attack(self):
        self.intrude("send", str(int(signal.SIGSTOP)))
        for _ in range(10):
            running = self.spawn("exec", "one", "/probe", "exit", "0")
            if self.waits_for_ever(running, lambda: self.stopped(running.pid, late=False),
                                   lambda: self.stopped(running.pid, late=True)):
                return "it waits for ever"
            for pid in self.stopped(running.pid, late=True):
                os.kill(pid, signal.SIGKILL)
            result = running.wait()
            if result.returncode == 255:
                self.assertIn("stopped by a signal", result.stderr)
        self.end_intruder()
        return None


class Stopped_while_it_is_started(Intruders):
    """The same of a first process whose pid namespace is shared: start waits for ever, and with it
    whoever wants to delete the container."""

    without = SEEN_STOPPED

    def attack(self):
        pid = self.create("one")
        os.kill(pid, signal.SIGSTOP)  # as anybody with its user can who sees it
        running = self.spawn("start", "one")
        if self.waits_for_ever(running, lambda: process_state(pid) == "T"):
            return "it waits for ever"
        self.assertIn("stopped by a signal", running.wait().stderr)
        self.assertEqual(self.reap(pid), -signal.SIGKILL)
        return None


class Apart(Hole):
    """A first process, a user's, that makes a user namespace and goes there."""

    def apart(self):
        shutil.copy(compiled((), "tests/security/apart.c"), self.bundle / "rootfs/apart")
        os.chown(self.bundle / "rootfs", 1000, 1000)
        return self.start("one", {"process.args": ["/apart"],
                                  "process.user": {"uid": 1000, "gid": 1000}})


class User_namespace_of_the_first_process(Apart):
    """Who is executed is in that namespace, and has not the groups that were asked for."""

    without = [(".inner_userns = c->stored->innerUserns.value,",
                ".inner_userns = ({ struct stat its, own; char path[64];\n"
                "ctr__proc_path(path, c->stored->pid, \"/ns/user\"); stat(path, &its);\n"
                "stat(\"/proc/self/ns/user\", &own); its.st_ino != own.st_ino; }),")]

    def attack(self):
        self.apart()
        found = self.works("exec", "one", "/probe", "cat", "/proc/self/uid_map").split()
        groups = self.runtime("exec", "-g", "777", "one", "/probe", "self").stdout
        return found[:2] != ["0", "0"] or "groups 777\n" not in groups


class State_that_tells_of_no_user_namespace(Apart):
    """Of a container of an older version it is not known in which user namespace it was made: who
    is executed has the rights of the host, where the first process has none."""

    without = [("if (c->stored->innerUserns.set || ", "if (!c->stored->innerUserns.set || ")]

    def attack(self):
        self.start("two")
        self.apart()
        for name in ("one", "two"):
            path = self.root / name / "state.json"
            state = json.loads(path.read_text())
            self.assertEqual(state.pop("innerUserns"), 0)
            path.write_text(json.dumps(state))
        self.works("exec", "two", "/probe", "exit", "0")  # it was made in ours, as is seen
        result = self.runtime("exec", "one", "/probe", "exit", "0")
        if result.returncode:
            self.assertIn("of an older version", result.stderr)
        return result.returncode == 0


class Signals(Intruders):
    """That a process inside may signal one that enters is the kernel's rule (kill(2)): it can make
    that start fail, and nothing else."""

    def check(self, number):
        pid = self.intrude("send", str(int(number)))
        failed = 0
        for _ in range(20):
            result = self.runtime("exec", "one", "/probe", "exit", "0")
            self.assertIn(result.returncode, (0, 255, 128 + number), result.stderr)
            self.assertEqual(bool(result.stderr), result.returncode == 255)
            failed += result.returncode != 0
        self.assertGreater(failed, 0)
        self.assertTrue(alive(pid))
        self.assertEqual((self.status("one"), self.processes()), ("running", [pid]))
        self.end_intruder()

    def test_a_kill_makes_the_start_fail_and_nothing_else(self):
        self.check(signal.SIGKILL)

    def test_an_interrupt_makes_the_start_fail_and_nothing_else(self):
        self.check(signal.SIGINT)
