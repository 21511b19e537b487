"""Holes by which a path of an image, or of a volume, leads out of the root file system, or to
another file than was meant. The same with somebody who swaps them meanwhile: test_races.py.

Where an attack would reach the host, it is a directory of the test's own that it aims at.
"""

import contextlib
import json
import os
import re
import shutil
import stat

from hole import BINDS_ARE_PASSED_OVER, WRITTEN_BY_PATH, Hole, bind
from oci import BUILD

# Paths are looked up as the kernel does it for everybody: links lead to the host.
FOLLOWED = [("return ctr__openat2(root, path, O_PATH, 0, CTR__IN_ROOT);",
             "while (*path == '/') path++;\n"
             "  return ctr__openat2(root, *path ? path : \".\", O_PATH, 0, 0);")]


class Outside(Hole):
    """self.host is the directory that links of the image lead to."""

    def setUp(self):
        super().setUp()
        self.rootfs = self.bundle / "rootfs"
        self.host = self.area / "host"
        self.host.mkdir(mode=0o777)
        self.area.chmod(0o755)
        self.default["process"]["args"] = ["/probe", "exit", "0"]
        self.count = 0

    def links(self, below=""):
        """Every way to say where the host's directory is."""
        up = "../" * 20
        return [f"{self.host}{below}", f"{up}{self.host}{below}".replace("//", "/"),
                f"/proc/self/root{self.host}{below}"]

    def image(self, files):
        """A new root file system: {path: link's target, or None for a directory, or bytes}."""
        shutil.rmtree(self.rootfs)
        self.rootfs.mkdir()
        shutil.copy(BUILD / "container/probe", self.rootfs / "probe")
        for path, content in files.items():
            place = self.rootfs / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                place.mkdir()
            elif isinstance(content, bytes):
                place.write_bytes(content)
            else:
                place.symlink_to(content)

    def config(self, *args, **kwargs):
        """Writes it, for what is tried next."""
        self.path.write_text(json.dumps(super().config(*args, **kwargs)))

    def tried(self, *options, **kwargs):
        self.count += 1
        return self.runtime("run", "--bundle", self.bundle, *options, f"one{self.count}", **kwargs)

    def on_host(self):
        """What there is now that was not put there."""
        return sorted(path.name for path in self.host.iterdir())

    def clear_host(self):
        shutil.rmtree(self.host)
        self.host.mkdir()


def made(kind, destination, source=None, *options):
    return {"destination": destination, "type": kind, "options": list(options),
            **({"source": source} if source else {})}


# -- procfs --

class CVE_2019_16884_CVE_2019_19921_CVE_2023_27561_CVE_2023_28642(Outside):
    """/proc or /sys of the image is a link: the procfs is mounted where it leads, and what is
    masked or written in the name of /proc is elsewhere."""

    without = [("ctr__openat2(c->root, path, O_PATH | O_DIRECTORY, 0, CTR__IN_ROOT | "
                "CTR__RESOLVE_NO_SYMLINKS)",
                "ctr__openat2(c->root, path, O_PATH | O_DIRECTORY, 0, CTR__IN_ROOT)")]

    def attack(self):
        got = []
        for name in ("proc", "sys"):
            for link in ("/elsewhere", "elsewhere", "../../elsewhere", "/way"):
                self.image({"elsewhere": None, "way": "elsewhere", name: link})
                self.config()
                if self.tried().returncode == 0:
                    got.append((name, link))
        return got


class CVE_2019_18837_CVE_2025_52881_false_procfs(Outside):
    """A volume lies over /proc or a part of it, or there is none and the image brings files: what
    the runtime writes in the name of the kernel goes there."""

    without = WRITTEN_BY_PATH

    SETTING = "sys/net/ipv4/ip_default_ttl"

    def volume(self, name, below=""):
        """The part of a false procfs that is below, as a directory of the host."""
        place = self.area / name / self.SETTING.removeprefix(below).lstrip("/")
        place.parent.mkdir(parents=True)
        place.write_bytes(b"untouched")
        return self.area / name

    def changed(self, top):
        return [str(path) for path in top.rglob("*")
                if path.is_file() and path.read_bytes() != b"untouched"]

    def attack(self):
        got = []
        settings = {"linux__sysctl": {"net.ipv4.ip_default_ttl": "65"}, "linux__readonlyPaths": []}
        for number, below in enumerate(["", "sys", "sys/net", "sys/net/ipv4"]):
            self.image({})
            volume = self.volume(f"volume{number}", below)
            self.config([bind(volume, f"/proc/{below}".rstrip("/"))], **settings)
            self.tried()
            got += self.changed(volume)
        # A link in it, to a volume that may be written to.
        self.image({})
        volume, target = self.volume("linked", "sys"), self.volume("target", "sys/net")
        shutil.rmtree(volume / "net")
        (volume / "net").symlink_to("/target")
        self.config([bind(volume, "/proc/sys"), bind(target, "/target")], **settings)
        self.tried()
        got += self.changed(target)
        # No procfs at all.
        self.image({f"proc/{self.SETTING}": b"untouched"})
        self.config(drop=["/proc"], linux__maskedPaths=[], **settings)
        self.tried()
        return got + self.changed(self.rootfs / "proc")


LINKS_HIDE_NOTHING = [("return ctr__let_hidden_go(c, mount);", "return 0;")]


class CVE_2019_16884_covered(Outside):
    """A volume covers the procfs by way of a link of the image: what is to be masked there is not
    hidden, as the masks go to what lies below."""

    without = [*LINKS_HIDE_NOTHING, ("!ctr__is_of_mount(all[i].held, target)", "true")]

    def attack(self):
        volume = self.area / "volume"
        volume.mkdir()
        (volume / "kcore").write_text("secret")
        self.image({"data": "proc"})
        self.config([bind(volume, "/data")], process__args=["/probe", "cat", "/proc/kcore"])
        return "secret" in self.tried().stdout


class CVE_2019_16884_covered_from_above(Outside):
    """The same by a mount over a directory that the procfs lies in."""

    without = BINDS_ARE_PASSED_OVER

    def attack(self):
        volume = self.area / "volume"
        (volume / "proc").mkdir(parents=True)
        (volume / "proc/kcore").write_text("secret")
        self.image({})
        procfs = {"destination": "/host/proc", "type": "proc", "source": "proc"}
        self.config([procfs, bind(volume, "/host")], linux__maskedPaths=["/host/proc/kcore"],
                    process__args=["/probe", "cat", "/host/proc/kcore"])
        return "secret" in self.tried().stdout


class CVE_2019_16884_covered_from_above_by_a_link(Outside):
    """The same by way of a link of the image or by "..", which the plan does not follow: over a
    procfs, and over a bind."""

    without = LINKS_HIDE_NOTHING

    def attack(self):
        volume = self.area / "volume"
        (volume / "proc").mkdir(parents=True)
        (volume / "proc/kcore").write_text("secret")
        got = []
        for procfs in ({"destination": "/host/proc", "type": "proc", "source": "proc"},
                       bind(self.host, "/host/proc")):
            for way in ("/data", "/data/../host"):
                self.image({"data": "host"})
                self.config([procfs, bind(volume, way)], linux__maskedPaths=["/host/proc/kcore"],
                            process__args=["/probe", "cat", "/host/proc/kcore"])
                got += [way] if "secret" in self.tried().stdout else []
        return len(got) == 4 and got if self.changes else got


# -- what is made in the root --

class CVE_2025_24965_CVE_2024_45310(Outside):
    """Something that the runtime makes in the root follows a link of the image out of it."""

    without = FOLLOWED

    def attempts(self, path):
        """Everything that is made at a path: as mounts, as other changes."""
        source = self.area / "source"
        (source / "directory").mkdir(parents=True, exist_ok=True)
        (source / "file").write_text("")
        tmpfs = {"destination": path, "type": "tmpfs", "source": "tmpfs"}
        cgroup = {"destination": path, "type": "cgroup", "source": "cgroup", "options": ["ro"]}
        node = {"path": path, "type": "c", "major": 1, "minor": 3}
        return [([bind(source / "directory", path)], {}),
                ([bind(source / "file", path)], {}),
                ([{**tmpfs, "options": []}], {}),
                ([{**tmpfs, "options": ["tmpcopyup"]}], {}),
                ([{**tmpfs, "options": ["iversion"]}], {}),  # by mount(2)
                ([{"destination": path, "type": "proc", "source": "proc"}], {}),
                ([cgroup], {}),
                ([made("ctr.dir", path)], {}),
                ([made("ctr.file", path, "text")], {}),
                ([made("ctr.file", path, "text", "bind")], {}),
                ([made("ctr.symlink", path, "text")], {}),
                ([], {"process__cwd": path}),
                ([], {"linux__devices": [node]}),
                ([], {"linux__devices": [{"path": path, "type": "p"}]})]

    def attack(self):
        got = []
        ways = [(link, "/way/new") for link in self.links()] + [(str(self.host), "/way/a/b")]
        for link, path in ways:
            for mounts, changes in self.attempts(path):
                self.image({"way": link})
                self.config(mounts, **changes)
                self.tried()
                got += [(link, mounts, changes)] if self.on_host() else []
                self.clear_host()
        return got


class CVE_2025_24965_files(Outside):
    """The same where the last component is the link: a file of the host is written to, given
    another mode, or a link made through it."""

    without = FOLLOWED + [
        ("CTR__AUTO_CLOSE fd = ctr__open(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);\n"
         "  ctr__note_made(",
         "CTR__AUTO_CLOSE fd = ctr__open(dir, name, O_WRONLY | O_CREAT, 0600);\n"
         "  ctr__note_made(")]

    def attack(self):
        got = []
        for link in self.links("/file"):
            for kind, *more in (["ctr.file", "text"], ["ctr.mode", None, "mode=0777"],
                                ["ctr.symlink", "text"], ["ctr.dir"]):
                for there in (True, False):
                    file = self.host / "file"
                    if there:
                        file.write_text("untouched")
                        file.chmod(0o600)
                    self.image({"way": link})
                    self.config([made(kind, "/way", *more)])
                    self.tried()
                    now = (file.read_text(), stat.S_IMODE(file.stat().st_mode)) if there else None
                    if now not in (None, ("untouched", 0o600)) or (not there and self.on_host()):
                        got.append((kind, link, there))
                    self.clear_host()
        return got


class SetModeOfTheMachine(Outside):
    """A mode that is set by way of a link of the image, on what procfs or sysfs shows, is that of
    the whole machine."""

    without = [("return ctr__because(c, CTR__WHY_OF_THE_KERNEL, -EPERM);", "(void)0;")]

    def attack(self):
        file = "/proc/version"  # which has this mode already
        mode = f"mode={stat.S_IMODE(os.stat(file).st_mode):04o}"
        self.image({"way": file})
        self.config([made("ctr.mode", "/way", None, mode)])
        return self.tried().returncode == 0


class CVE_2026_41579_CVE_2026_47766(Outside):
    """/dev of the image is a link: the default devices and links are made outside the root."""

    without = FOLLOWED

    def attack(self):
        got = []
        for link in self.links():
            self.image({"dev": link})
            self.config(drop=["/dev"])
            self.tried()
            got += self.on_host()
            self.clear_host()
        return got


# -- what masks are made of --

class CVE_2025_31133(Outside):
    """/dev/null of the image is a link, and files are masked with what it leads to: to be read and
    written under the name of what is masked."""

    without = [("CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, \"/dev/null\", O_PATH | O_NOFOLLOW, 0);",
                "CTR__AUTO_CLOSE fd = ctr__path_in_root(c->root, \"/dev/null\");"),
               ("if (!ctr__is_null_device(fd)) return ctr__because(c, CTR__WHY_NULL_DEVICE, -ENODEV);",
                "")]

    def attack(self):
        volume = self.area / "volume"
        volume.mkdir()
        (volume / "null").symlink_to("/secret")
        self.image({"secret": b"secret", "masked": b"masked", "dev": None})
        self.config([bind(volume, "/dev")], drop=["/dev"], linux__maskedPaths=["/masked"],
                    process__args=["/probe", "cat", "/masked"])
        return self.tried().stdout


class CVE_2025_31133_of_the_image(Outside):
    """The same in the image itself: what is no null device passes for one."""

    without = [("return ctr__because(c, CTR__WHY_NOT_THAT_DEVICE, -EEXIST);", "return 0;"),
               *CVE_2025_31133.without]

    def attack(self):
        got = []
        for link in ("/secret", "../secret", "../../../secret"):
            self.image({"secret": b"secret", "masked": b"masked", "dev/null": link})
            self.config(drop=["/dev"], linux__maskedPaths=["/masked"],
                        process__args=["/probe", "cat", "/masked"])
            got.append(self.tried().stdout)
        return any(got)


# -- terminals --

class Terminal(Outside):
    def with_terminal(self):
        """Runs it with a terminal of ours in front."""
        master, ours = os.openpty()
        self.addCleanup(os.close, master)
        self.tried(stdin=ours)
        os.close(ours)


class CVE_2025_52565(Terminal):
    """/dev/console of the image is a link: the terminal is mounted where it leads, for which a file
    is made on the host."""

    without = FOLLOWED

    def attack(self):
        got = []
        for link in self.links("/console"):
            self.image({"dev/console": link, "dev/pts": None})
            devpts = {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                      "options": ["newinstance", "ptmxmode=0666"]}
            self.config([devpts], drop=["/dev"], process__terminal=True)
            self.with_terminal()
            got += self.on_host()
            self.clear_host()
        return got


class CVE_2025_52565_slave(Terminal):
    """/dev/pts/0 is a link by the time that it is opened: what the terminal is thought to be is a
    file of the attacker's choice. Its devpts is elsewhere: what is in one is not to be changed."""

    already = [("ctr__openat2(root, \"dev/pts\",", "ctr__openat2(root, \"dev/real\",")]
    without = [("CTR__AUTO_CLOSE slave = ctr__fd_high(\n"
                "      (int)ctr__ret(ioctl(master, TIOCGPTPEER, (unsigned long)(O_RDWR | O_NOCTTY | "
                "O_CLOEXEC))));",
                "CTR__AUTO_CLOSE slave = ctr__openat2(c->root, \"/dev/pts/0\", O_RDWR, 0, "
                "CTR__IN_ROOT);"),
               ("int r = ctr__check_devpts(c, slave);", "int r = 0;"),
               ("return r < 0 ? r : (int)ctr__ret(ioctl(0, TIOCSCTTY, 0));", "return r;")]

    def attack(self):
        volume = self.area / "volume"
        (volume / "pts").mkdir(parents=True)
        (volume / "real").mkdir()
        (volume / "pts/0").symlink_to("/target")
        self.image({"target": b""})
        devpts = {"destination": "/dev/real", "type": "devpts", "source": "devpts",
                  "options": ["newinstance", "ptmxmode=0666"]}
        self.config([bind(volume, "/dev"), devpts], drop=["/dev"], process__terminal=True,
                    process__args=["/probe", "cat", "/proc/version"])
        self.with_terminal()
        return (self.rootfs / "target").read_bytes()


# -- where the program starts --

class ByDescriptors(Outside):
    """Directories of the host are open where a container is started, and a later process in it."""

    FDS = range(3, 51)
    SECRET = "what is the host's"

    def attack(self):
        (self.host / "secret").write_text(self.SECRET)
        shutil.copy(self.rootfs / "probe", self.host / "probe")
        with self.open_directories():
            self.default["process"]["args"] = ["/probe", "hear"]
            self.start("other", close_fds=False)
            got = self.attempt(self.by_run) + self.attempt(self.by_exec)
            self.works("delete", "--force", "other")
        return got

    @contextlib.contextmanager
    def open_directories(self):
        """Directories of the host on every descriptor there is room for, as a careless caller has
        them: inherited."""
        opened = []
        mine = os.open(self.host, os.O_RDONLY | os.O_DIRECTORY)
        for fd in self.FDS:
            try:
                os.fstat(fd)
            except OSError:
                os.dup2(mine, fd, inheritable=True)
                opened.append(fd)
        try:
            self.opened = opened
            yield
        finally:
            for fd in {*opened, mine}:
                os.close(fd)

    def by_directory(self, runs):
        places = [f"/proc/self/fd/{fd}" for fd in self.opened]
        return [way for way in (*places, f"{places[-1]}/../host", f"{places[-1]}/.")
                if self.SECRET in runs(way, ["/probe", "cat", "secret"])]

    def attempt(self, runs):
        got, last = self.by_directory(runs), f"/proc/self/fd/{self.opened[-1]}"
        if self.SECRET in runs("/", [f"{last}/probe", "cat", f"{last}/secret"]):
            got.append("program")
        found = re.search(r"^descriptors (.*)$", runs("/", ["/probe", "self"]), re.M)
        return got + [fd for fd in found[1].split() if int(fd) > 2]

    def by_run(self, cwd, args):
        self.config(process__cwd=cwd, process__args=args)
        return self.tried(close_fds=False).stdout

    def by_exec(self, cwd, args):
        return self.runtime("exec", "--cwd", cwd, "other", *args, close_fds=False).stdout


STAY_OPEN = [("return ctr__close_rest(3 + c->launch->extra_count, kept);", "return 0;"),
             ("    long r = next == first ? 0 :", "    long r = 1 ? 0 :"),
             ("return fd >= 0 || fd == -EROFS || fd == -EACCES ? 0 :",
              "return fd >= 0 || fd == -EROFS || fd == -ELOOP ? 0 :")]
ANY_DIRECTORY = ("return cwd[0] == '/' ? 0 : ctr__because(c, CTR__WHY_OUTSIDE, -EXDEV);",
                 "return 0;")


class CVE_2024_21626(ByDescriptors):
    """One is left open, and the working directory, or the program, is named by way of it."""

    without = [*STAY_OPEN, ANY_DIRECTORY]


class CVE_2024_21626_by_the_directory_alone(ByDescriptors):
    """The same, had it been forgotten to close them: the working directory is looked at."""

    already = STAY_OPEN
    without = [ANY_DIRECTORY]
    attempt = ByDescriptors.by_directory


# -- devices --

class DevicesOfTheImage(Outside):
    """A device node lies about in the image, or in a directory of which a copy is mounted, and can
    be used."""

    without = [("      return CTR__ATTR_NODEV;\n", "      return 0;\n"),
               ("if (at->nodev && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))) return 0;", "")]

    def attack(self):
        self.image({"node": None, "copied": None})
        for folder in ("node", "copied"):  # the harmless one of zeros, under another name
            os.mknod(self.rootfs / folder / "disk", stat.S_IFCHR | 0o666, os.makedev(1, 5))
            (self.rootfs / folder / "disk").chmod(0o666)
        copy = {"destination": "/copied", "type": "tmpfs", "source": "tmpfs",
                "options": ["tmpcopyup"]}
        self.config([copy], process__args=["/probe", "try", "/node/disk", "/copied/disk"])
        said = self.tried().stdout
        self.assertEqual(said.count("/disk "), 2, said)
        return re.findall(r"^(\S+) open$", said, re.M)


# -- what a failed start takes away --

class UndoElsewhere(Outside):
    """The root has another directory's name by the time that a failed start takes away what it has
    made in it: the other one's is taken away."""

    without = [("return st.st_dev == shared->root_dev && st.st_ino == shared->root_ino ? "
                "ctr__steal_fd(&root) : -1;", "return ctr__steal_fd(&root);")]

    def attack(self):
        (self.bundle / "other/new").mkdir(parents=True)
        self.image({})
        exchange = {"path": "/bin/sh", "args": ["sh", "-c", "mv rootfs old; mv other rootfs"]}
        self.config([{"destination": "/new", "type": "ctr.dir"}],
                    hooks={"createRuntime": [exchange]}, process__args=["/not/there"])
        self.assertNotEqual(self.tried().returncode, 0)
        self.assertTrue((self.bundle / "old").is_dir())
        return not (self.rootfs / "new").exists()


# -- what is said of a mount later --

# By the path alone, whatever mount it leads to by then.
WHEREVER_IT_LEADS = [("if (meant == CTR__MEANT_ANY) return 0;", "return 0;")]


class Later(Outside):
    """What is said of a mount later is said to another one, or undone there."""

    def mounted(self, mounts, **changes):
        """{destination: (attributes, propagation, options of the file system)} as seen inside."""
        self.config(mounts, process__args=["/probe", "cat", "/proc/self/mountinfo"], **changes)
        found = {}
        for line in self.tried().stdout.splitlines():
            mount, _, fs = line.partition(" - ")
            words = mount.split()
            found[words[4]] = (words[5].split(","), words[6:], fs.split()[-1].split(","))
        return found


class LateReadOnlyElsewhere(Later):
    """A directory on which a file system was mounted that becomes read-only last is a link to
    another by then: it stays writable."""

    without = WHEREVER_IT_LEADS

    def attack(self):
        got = []
        for options in (["ro"], ["ro", "iversion"], ["ro", "tmpcopyup"]):
            self.image({"data": None})
            exchange = {"path": "/bin/sh",
                        "args": ["sh", "-c", "cd rootfs; mv data old; ln -s other data"]}
            tmpfs = [{"destination": "/data", "type": "tmpfs", "options": options},
                     {"destination": "/other", "type": "tmpfs", "options": []}]
            found = self.mounted(tmpfs, hooks={"createRuntime": [exchange]})
            got += [options] if found and "rw" in found["/old"][0] else []
        return len(got) == 3 and got if self.changes else got


class RemountElsewhere(Later):
    """A remount of what the host has mounted below the root leads by a link to another mount of the
    container: that becomes writable, shared or greater."""

    without = WHEREVER_IT_LEADS

    def attack(self):
        got = []
        self.image({"data": None, "way": "/data", "root": "/"})
        data = {"destination": "/data", "type": "tmpfs", "options": ["size=4k"]}
        for options, is_hit in ((["bind", "noexec"], lambda found: "noexec" in found[0]),
                                (["rnoexec"], lambda found: "noexec" in found[0]),
                                (["shared"], lambda found: any("shared" in f for f in found[1])),
                                (["size=64k"], lambda found: "size=64k" in found[2])):
            change_it = {"destination": "/way", "options": ["remount", *options]}
            found = self.mounted([data, change_it])
            got += [options] if found and is_hit(found["/data"]) else []
        found = self.mounted([{"destination": "/root", "options": ["remount", "bind", "noatime"]}])
        got += ["root"] if found and "noatime" in found["/"][0] else []
        return len(got) == 5 and got if self.changes else got
