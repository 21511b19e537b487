"""podman as an ordinary user: the same as root does, less what takes a cgroup (on cgroup v1 podman
makes none for such a user), and what is different there: ids."""

import os
import shutil
import signal
import tempfile
import unittest
from pathlib import Path

import engine
import test_podman
import users
from engine import IMAGE, until

# A command's first words: each has a mount namespace of its own, in which the machine knows who is
# to run it.
AS_USER = ["unshare", "--mount", "--propagation", "private", "sh", "-c", """
for file in "$1"/*; do mount --bind "$file" "/etc/${file##*/}" || exit; done
user=$2; shift 2; exec setpriv --reuid ${user%:*} --regid ${user#*:} --clear-groups "$@"
""", "sh"]


class Rootless(test_podman.Podman):
    needs = (*test_podman.Podman.needs, *users.TOOLS)

    @classmethod
    def prepare(cls):
        folder = Path(tempfile.mkdtemp(prefix="user."))
        cls.addClassCleanup(shutil.rmtree, folder)
        folder.chmod(0o755)
        cls.uid, cls.gid = next(users.unknown_ids())
        cls.etc = users.etc_with(cls.uid, cls.gid, folder / "etc")
        if not cls.etc:
            raise unittest.SkipTest("this machine has no /etc/subuid and /etc/subgid")
        (cls.uids, cls.count), (cls.gids, _) = map(cls.given, ("subuid", "subgid"))
        cls.program = [*AS_USER, str(cls.etc), f"{cls.uid}:{cls.gid}", "podman"]
        session, home, shared = (cls.scratch / name for name in ("session", "home", "shared"))
        for path in (session, home, shared):
            path.mkdir(0o700)
        (cls.scratch / "heard").touch()
        (shared / "word").touch()
        for path in (cls.scratch, *cls.scratch.rglob("*")):
            os.chown(path, cls.uid, cls.gid)
        cls.env |= {"XDG_RUNTIME_DIR": str(session), "HOME": str(home)}
        cls.env.pop("DBUS_SESSION_BUS_ADDRESS", None)
        cls.state_root = session / cls.state_root.name
        cls.addClassCleanup(cls.end_pause)

    @classmethod
    def given(cls, file):
        """The first of the user's subordinate ids, and how many there are."""
        name, first, count = (cls.etc / file).read_text().splitlines()[0].split(":")
        assert name in (users.NAME, str(cls.uid))
        return int(first), int(count)

    @classmethod
    def pause_pid(cls):
        """Of the process that holds the user namespace all its containers are in."""
        path = cls.scratch / "tmp/pause.pid"
        return int(path.read_text()) if path.exists() else None

    @classmethod
    def end_pause(cls):
        pid = cls.pause_pid()
        if pid in engine.descendants():
            os.kill(pid, signal.SIGKILL)
            until(lambda: engine.reap() or engine.parent_of(pid) is None, "the end of podman pause")

    def engine_processes(self):
        return (self.pause_pid(),)

    def command(self, verb, *options, command=()):
        return [verb, *options, IMAGE, *command]


class Run(Rootless, test_podman.Run):
    def test_it_is_an_ordinary_user(self):
        self.service()
        status = Path(f"/proc/{self.inspect('box', 'State.Pid')}/status").read_text()
        self.assertIn(f"Uid:\t{self.uid}\t", status)
        maps = (f"0 {self.uid} 1 1 {self.uids} {self.count} "
                f"0 {self.gid} 1 1 {self.gids} {self.count}")
        result = self.shell("cat /proc/self/uid_map /proc/self/gid_map")
        self.assertEqual(" ".join(result.stdout.split()), maps, result.stderr)

    def test_volumes(self):
        super().test_volumes()
        shared = self.scratch / "shared"
        self.assert_run(self.shell("touch /v/made && chown 7:8 /v/made", "-v", f"{shared}:/v"))
        made = (shared / "made").stat()
        self.assertEqual((made.st_uid, made.st_gid), (self.uids + 6, self.gids + 7))

    def test_user_namespace(self):
        # From the ids of podman's own user namespace; 0 there is the user (podman-run(1)).
        result = self.shell("id -u; cat /proc/self/uid_map; touch /work/x && echo written",
                            "--uidmap", "0:1:100", "--gidmap", "0:1:100")
        self.assertEqual(result.stdout.split(), ["0", "0", "1", "100", "written"], result.stderr)
        result = self.shell("id -u; cat /v/word >/dev/null && echo read", "--userns", "keep-id",
                            "-v", f"{self.scratch}/shared:/v")
        self.assert_run(result, f"{self.uid}\nread\n")

    def test_the_hosts_namespaces(self):
        for kind in ("net", "pid", "uts"):  # of ipc podman wants a /dev/mqueue of the host
            option = "network" if kind == "net" else kind
            with self.subTest(namespace=kind):
                result = self.shell(f"readlink /proc/self/ns/{kind}", f"--{option}=host")
                self.assert_run(result, f"{engine.namespace('self', kind)}\n")

    def test_devices_are_those_of_the_host(self):
        self.assert_run(self.shell("head -c 3 /dev/mine | wc -c", "--device",
                                   "/dev/zero:/dev/mine"), "3\n")
        result = self.shell("mknod /dev/m c 1 1", "--cap-add", "MKNOD")
        self.assertIn("Operation not permitted", result.stderr)

    def test_what_takes_a_right_is_refused(self):
        for option, field in (("--oom-score-adj=-500", "process.oomScoreAdj"),
                              ("--ulimit=nofile=99999999", "process.rlimits[0]")):
            result = self.shell("echo no", option)
            self.assertEqual((result.stdout, result.returncode), ("", 126), result.stderr)
            self.assertIn(f"{field}: ", result.stderr)
            self.assertIn("takes CAP_SYS_RESOURCE", result.stderr)

    def test_privileged(self):
        result = self.shell("grep CapEff /proc/self/status; : >>/proc/sys/kernel/core_pattern",
                            "--privileged")
        self.assertIn("core_pattern: Permission denied", result.stderr)
        self.assertRegex(result.stdout, r"CapEff:\t0+[13]?f{6}")


class Lifecycle(Rootless, test_podman.Lifecycle):
    # These take a cgroup.
    test_pause = test_a_paused_one_is_removed = None
    test_forced_removal_with_the_hosts_pid_namespace_ends_all = None

    def test_pod(self):
        made = self.podman("pod", "create", "--name", "pod", "--infra-image", IMAGE,
                           "--infra-command", "sleep 1000")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.addCleanup(self.podman, "pod", "rm", "--force", "--time", "0", "pod")
        links = [self.podman("run", "--rm", "--pod", "pod", IMAGE, "sh", "-c",
                             "for n in net ipc uts user; do readlink /proc/self/ns/$n; done").stdout
                 for _ in range(2)]
        self.assertEqual(links[0], links[1])
        self.assertEqual(len(links[0].split()), 4, links)
        self.assertNotIn(engine.namespace("self", "ipc"), links[0])


class Exec(Rootless, test_podman.Exec):
    pass


if __name__ == "__main__":
    unittest.main()
