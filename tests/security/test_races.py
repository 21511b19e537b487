"""Holes that open for the moment between a look and a deed: root of another container, which has a
directory together with the one that is being started, swaps a part of it for a link, without pause.

Each race takes CTR_RACE_SECONDS (5), all of them at the same time. Without the defence it ends with
the first hit. Where an attack would reach the host, it is a directory of the test's own.
"""

import functools
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time

from hole import BELIEVES, BINDS_ARE_PASSED_OVER, WRITTEN_BY_PATH, Hole, Watch, bind, compiled
from oci import ROOT, change

SECONDS = float(os.environ.get("CTR_RACE_SECONDS", 5))
DEADLINE = 120  # to be hit without the defence: that takes few starts
ENOUGH = 10  # starts, whatever became of them

# A path is seen to lie inside, and then used as a path.
SEEN_THEN_USED = [("return ctr__openat2(root, path, O_PATH, 0, CTR__IN_ROOT);",
                   "CTR__AUTO_CLOSE seen = ctr__openat2(root, path, O_PATH, 0, CTR__IN_ROOT);\n"
                   "  if (seen < 0) return seen;\n"
                   "  while (*path == '/') path++;\n"
                   "  return ctr__openat2(root, *path ? path : \".\", O_PATH, 0, 0);")]

# How the multiplexer is opened in the directory that was looked at.
PTMX = ("ctr__openat2(pts, \"ptmx\", O_RDWR | O_NOCTTY, 0,\n" + " " * 34 +
        "CTR__RESOLVE_NO_XDEV | CTR__RESOLVE_NO_SYMLINKS);")


class Race(Hole):
    """self.volume is shared with the attacker, self.host what links in it lead to."""

    seconds = SECONDS

    def setUp(self):
        super().setUp()
        self.rootfs = self.bundle / "rootfs"
        self.area.chmod(0o755)
        self.host, self.volume = self.area / "host", self.area / "volume"
        self.host.mkdir()
        self.volume.mkdir()
        self.mounted = self.area / "mounted"
        self.swapper = compiled((), "tests/security/swapper.c")
        self.default["process"]["args"] = ["/probe", "exit", "0"]
        self.starts = self.swaps = self.worked = 0
        self.failed = "none"  # what the last that failed has said

    # -- to be said by each --

    def prepare(self):
        """Makes what is swapped. Returns the pairs, a directory and two names each, and the configs
        of what is started, one after the other."""
        raise NotImplementedError

    def hit(self, result):
        """What the attacker got by a start, if anything."""
        return self.on_host(result)

    # -- for all --

    def on_host(self, _):
        mounted = self.mounted.read_text() if self.mounted.exists() else ""
        return [*map(str, self.host.iterdir()), *mounted.splitlines()]

    def config(self, *args, **kwargs):
        # When all is mounted and the host's files can still be named.
        look = {"path": str(self.swapper),
                "args": ["swapper", "look", str(self.host), str(self.mounted)]}
        return super().config(*args, hooks={"createContainer": [look]}, **kwargs)

    def name(self, what):
        """One that no other race has: cgroups may be made by it."""
        return f"{os.getpid()}-{what}"

    def start_one(self, config):
        self.path.write_text(json.dumps(config))
        terminal = {}
        if config["process"].get("terminal"):
            master, terminal["stdin"] = os.openpty()
        result = self.runtime("run", "--bundle", self.bundle, self.name(self.starts + 1),
                              **terminal)
        if terminal:
            os.close(master)
            os.close(terminal["stdin"])
        return self.counted(result)

    def counted(self, result):
        self.starts += 1
        self.worked += result.returncode == 0
        self.failed = result.stderr.strip() or self.failed
        return result

    def attacker(self, pairs):
        """The container that swaps: it has the directories where the host has them."""
        bundle = self.area / "attacker"
        (bundle / "rootfs").mkdir(parents=True)
        shutil.copy(self.swapper, bundle / "rootfs")
        config = self.config([bind(directory, str(directory)) for directory, *_ in pairs],
                             process__args=self.swapping(pairs))
        for path, value in self.own_cgroup("attacker").items():
            change(config, path, value)
        (bundle / "config.json").write_text(json.dumps(config))
        return self.run_attacker(bundle)

    def swapping(self, pairs):
        return ["/swapper", "swap", *(str(name) for pair in pairs for name in pair)]

    def run_attacker(self, bundle):
        attacker = self.spawn("run", "--bundle", bundle, self.name("attacker"),
                              stdout=subprocess.PIPE, text=True).process
        self.addCleanup(attacker.stdout.close)
        return attacker

    def attack(self):
        pairs, configs = self.prepare()
        attacker = self.attacker(pairs)
        self.assertEqual(attacker.stdout.readline(), "ready\n")
        got, end = None, time.monotonic() + self.seconds
        while not got and (time.monotonic() < end or self.starts < ENOUGH):
            for config in configs:
                got = got or self.hit(self.start_one(config))
        attacker.send_signal(signal.SIGTERM)
        self.swaps = int(attacker.stdout.readline())
        return got

    def check_holds(self):
        said = everyone()[type(self).__name__]
        *_, last = said.splitlines() or [""]
        self.assertTrue(last.startswith("{"), said)
        found = json.loads(last)
        print(f"# {type(self).__name__}: {found['starts']} starts, of which {found['worked']} "
              f"worked, and {found['swaps']} swaps; the last failure: {found['failed']}",
              flush=True)
        self.assertFalse(found["got"])
        self.assertGreaterEqual(found["starts"], ENOUGH)
        self.assertGreater(found["worked"], 0)
        self.assertGreater(found["swaps"], found["starts"])

    def check_opens(self):
        self.seconds = DEADLINE
        super().check_opens()
        print(f"# {type(self).__name__} without its defence: hit by start {self.starts}, "
              f"{self.swaps} swaps", flush=True)


def tmpfs(destination, *options):
    return {"destination": destination, "type": "tmpfs", "source": "tmpfs",
            "options": list(options)}


class CVE_2021_30465_CVE_2024_45310(Race):
    """A directory that a mount point lies in becomes a link to the host: a volume is mounted there,
    or files and directories are made there."""

    without = SEEN_THEN_USED

    def prepare(self):
        source = self.area / "source"
        (source / "directory").mkdir(parents=True)
        (source / "file").write_text("")
        at = [f"/vol/part{i}/new" for i in range(12)]
        own = [bind(self.volume, "/vol")]
        fifo = {"path": at[8], "type": "p"}
        node = {"path": at[9], "type": "c" if ROOT else "p", "major": 1, "minor": 3}
        configs = [
            self.config([*own, bind(source / "directory", at[0]), bind(source / "file", at[1]),
                         tmpfs(at[2]), {"destination": at[11], "type": "proc", "source": "proc"}]),
            self.config([*own, tmpfs(at[3], "tmpcopyup"), tmpfs(at[4], "iversion"),
                         {"destination": at[5], "type": "ctr.file", "source": "text",
                          "options": ["bind"]}]),
            self.config([*own, {"destination": at[6], "type": "ctr.file", "source": "text"}]),
            self.config([*own, {"destination": at[7], "type": "ctr.symlink", "source": "text"}]),
            self.config([*own], linux__devices=[fifo]),
            self.config([*own], linux__devices=[node]),
            self.config([*own, {"destination": at[10], "type": "ctr.dir"}],
                        process__cwd=f"{at[10]}/new"),
            # The mount point itself.
            self.config([*own, bind(source / "directory", "/vol/part0"), tmpfs("/vol/part1")]),
        ]
        for i in range(len(at)):
            (self.volume / f"part{i}").mkdir()
            (self.volume / f"link{i}").symlink_to(self.host)
        return [(self.volume, f"part{i}", f"link{i}") for i in range(len(at))], configs


class CVE_2019_19921(Race):
    """/proc of a root file system that two share is another directory by the time that its files
    are masked and made read-only."""

    without = [("if (meant == CTR__MEANT_ANY) return ctr__path_in_root(c->root, ctr__arg(c, s, 0));",
                "return ctr__path_in_root(c->root, ctr__arg(c, s, 0));")]

    def prepare(self):
        for name in ("proc", "proc2", "sys", "sys2"):
            (self.rootfs / name).mkdir(exist_ok=True)
        files = [f"/{top}/{file}" for top in ("proc", "proc2") for file in ("keys", "timer_list")]
        seen = [f"/{top}/self/mounts" for top in ("proc", "proc2")]
        configs = [self.config(process__args=["/probe", "stat", *files]),
                   self.config(process__args=["/probe", "cat", *seen])]
        return [(self.rootfs, "proc", "proc2"), (self.rootfs, "sys", "sys2")], configs

    def hit(self, result):
        """One that is masked is a null device; what is read-only is a mount."""
        mounts = re.findall(r"^proc /proc2?(\S*) proc (\w*)", result.stdout, re.M)
        return [*re.findall(r"^.* file .*$", result.stdout, re.M),
                *(["sys"] if mounts and ("/sys", "ro") not in mounts else [])]


class CVE_2019_19921_on_a_bind(Race):
    """The same where the host's procfs is bound, as a container has it that shares the host's pids:
    what is masked and read-only there is looked for in an empty directory."""

    without = BINDS_ARE_PASSED_OVER

    def prepare(self):
        shutil.rmtree(self.rootfs / "proc", ignore_errors=True)
        for link, name in (("proc", "one"), ("proc2", "two")):
            (self.rootfs / name).mkdir()
            (self.rootfs / link).symlink_to(name)
        spaces = [space for space in self.default["linux"]["namespaces"] if space["type"] != "pid"]
        shown = [f"/{name}/{file}" for name in ("one", "two") for file in ("keys", "timer_list")]
        seen = [f"/{name}/self/mounts" for name in ("one", "two")]
        configs = [self.config([bind("/proc", "/proc")], drop=["/proc"], linux__namespaces=spaces,
                               process__args=["/probe", *command])
                   for command in (["stat", *shown], ["cat", *seen])]
        return [(self.rootfs, "proc", "proc2")], configs

    def hit(self, result):
        mounts = re.findall(r"^proc /(?:one|two)(\S*) proc (\w*)", result.stdout, re.M)
        return [*re.findall(r"^.* file .*$", result.stdout, re.M),
                *(["sys"] if mounts and ("/sys", "ro") not in mounts else [])]


class CVE_2025_52881(Race):
    """Settings and labels are written to what is /proc at that moment: files of the image."""

    already = BELIEVES
    without = WRITTEN_BY_PATH

    def prepare(self):
        settings = {"net.ipv4.ip_default_ttl": "65"}
        self.files = []
        for name in ("sys/net/ipv4/ip_default_ttl", "self/attr/keycreate"):
            path = self.rootfs / "fake" / name
            path.parent.mkdir(parents=True)
            path.write_bytes(b"")
            self.files.append(path.open())  # wherever it is then
            self.addCleanup(self.files[-1].close)
        (self.rootfs / "proc").mkdir(exist_ok=True)
        configs = [self.config(linux__sysctl=settings),
                   self.config(process__selinuxLabel="a:label:of:s0")]
        return [(self.rootfs, "proc", "fake")], configs

    def hit(self, result):
        return [file.name for file in self.files if os.fstat(file.fileno()).st_size]


class CVE_2025_31133(Race):
    """/dev/null becomes a link to another file while it is made the mask of others."""

    without = [("CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, \"/dev/null\", O_PATH | O_NOFOLLOW, 0);",
                "CTR__AUTO_CLOSE fd = ctr__openat2(c->root, \"/dev/null\", O_PATH | O_NOFOLLOW, 0, "
                "CTR__IN_ROOT);"),
               ("return c->null_device = ctr__steal_fd(&fd);",
                "return c->null_device = ctr__path_in_root(c->root, \"/dev/null\");")]

    def prepare(self):
        os.mknod(self.volume / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        (self.volume / "link").symlink_to("/secret")
        (self.rootfs / "secret").write_text("secret")
        (self.rootfs / "masked").write_text("masked")
        configs = [self.config([bind(self.volume, "/dev")], drop=["/dev"],
                                linux__maskedPaths=["/masked"],
                                process__args=["/probe", "cat", "/masked"])]
        return [(self.volume, "null", "link")], configs

    def hit(self, result):
        return result.stdout


class CVE_2025_52565(Race):
    """/dev/pts becomes another directory, in which the terminal is a link to a file; or
    /dev/console a link out of the root."""

    without = [("int r = pts < 0 ? pts : ctr__check_devpts(c, pts);", "int r = 0;"),
               (PTMX, "ctr__openat2(root, \"dev/ptmx\", O_RDWR | O_NOCTTY, 0, CTR__IN_ROOT);"),
               ("return r < 0 ? r : ctr__steal_fd(&slave);",
                "return ctr__openat2(c->root, \"/dev/pts/0\", O_RDWR, 0, CTR__IN_ROOT);"),
               ("return r < 0 ? r : (int)ctr__ret(ioctl(0, TIOCSCTTY, 0));", "return r;")]

    def prepare(self):
        (self.volume / "pts").mkdir()
        (self.volume / "fake").mkdir()
        (self.volume / "fake/0").symlink_to("/target")
        (self.volume / "fake/ptmx").symlink_to("../pts/ptmx")
        (self.volume / "ptmx").symlink_to("pts/ptmx")
        (self.volume / "console").write_text("")
        (self.volume / "link").symlink_to(self.host / "console")
        self.target = self.rootfs / "target"
        self.target.write_text("")
        devpts = {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                  "options": ["newinstance", "ptmxmode=0666"]}
        configs = [self.config([bind(self.volume, "/dev"), devpts], drop=["/dev"],
                                process__terminal=True,
                                process__args=["/probe", "cat", "/proc/version"])]
        return [(self.volume, "pts", "fake"), (self.volume, "console", "link")], configs

    def hit(self, result):
        return self.on_host(result) or self.target.read_text()


class Entered(Race):
    """Who swaps is root of the container that is entered: /dev, where its devpts is, and what is in
    it all the time."""

    def prepare(self):
        for name in ("real", "fake"):
            (self.volume / name).mkdir()
        for name in ("fake/ptmx", "fake/0", "link"):
            (self.volume / name).symlink_to("/target")
        for name, target in (("pts", "real"), ("pts2", "fake"), ("ptmx", "pts/ptmx")):
            (self.volume / name).symlink_to(target)
        self.target = self.rootfs / "target"
        self.target.write_text("")
        self.watch = Watch(self.target)
        self.addCleanup(self.watch.close)
        return [("/dev", "pts", "pts2"), ("/dev", "ptmx", "link")], [None]

    def attacker(self, pairs):
        shutil.copy(self.swapper, self.rootfs)
        devpts = {"destination": "/dev/real", "type": "devpts", "source": "devpts",
                  "options": ["newinstance", "ptmxmode=0666"]}
        config = self.config([bind(self.volume, "/dev"), devpts], drop=["/dev"],
                             process__args=self.swapping(pairs))
        self.path.write_text(json.dumps(config))
        return self.run_attacker(self.bundle)

    def start_one(self, _):
        return self.counted(self.runtime("exec", "--tty", self.name("attacker"), "/probe", "cat",
                                         "/proc/version"))

    def hit(self, _):
        return self.target.read_text() or (self.watch.opened() and "it was opened")


class CVE_2025_52565_exec_ptmx(Entered):
    """The multiplexer that was looked at is a link to a file when it is opened."""

    without = [(PTMX, "ctr__openat2(root, \"dev/pts/ptmx\", O_RDWR | O_NOCTTY, 0, CTR__IN_ROOT);")]


class CVE_2025_52565_exec_slave(Entered):
    """The terminal's other end is one as well."""

    without = [("return r < 0 ? r : ctr__steal_fd(&slave);",
                "return ctr__openat2(AT_FDCWD, \"/dev/pts/0\", O_RDWR, 0, CTR__IN_ROOT);"),
               ("return r < 0 ? r : (int)ctr__ret(ioctl(0, TIOCSCTTY, 0));", "return r;")]


class CopyOfTheHost(Race):
    """A part of what a tmpfs is to start with a copy of becomes a link to the host."""

    without = [("O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,\n" + " " * 45 +
                "CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_XDEV)",
                "O_RDONLY | O_DIRECTORY, 0, 0)")]

    def prepare(self):
        (self.host / "secret").write_text("what is the host's")
        (self.volume / "whole/part").mkdir(parents=True)
        (self.volume / "whole/link").symlink_to(self.host)
        files = ["/vol/whole/part/secret", "/vol/whole/link/secret"]
        configs = [self.config([bind(self.volume, "/vol"), tmpfs("/vol/whole", "tmpcopyup")],
                               process__args=["/probe", "cat", *files])]
        return [(self.volume / "whole", "part", "link")], configs

    def hit(self, result):
        return "what is the host's" in result.stdout


# -- all at the same time --

@functools.cache
def everyone():
    """Each race on the runtime, in a process of its own: {name: what it has said}."""
    command = [sys.executable, __file__]
    running = {cls.__name__: subprocess.Popen([*command, cls.__name__], stdout=subprocess.PIPE,
                                              stderr=subprocess.STDOUT, text=True)
               for cls in (*Race.__subclasses__(), *Entered.__subclasses__()) if cls.without}
    return {name: process.communicate()[0] for name, process in running.items()}


def main(name):
    race = globals()[name]("attack")
    race.setUpClass()
    race.setUp()
    try:
        got = race.try_without(*race.already)
    finally:
        race.doCleanups()
    print(json.dumps({"got": got, "starts": race.starts, "worked": race.worked,
                      "swaps": race.swaps, "failed": race.failed}))


if __name__ == "__main__":
    main(sys.argv[1])
