"""What the machine is made of: a kernel, busybox, newuidmap, Python and compilers of policies out
of Debian's packages, and an initial RAM file system of plain files. Nothing is installed, and the
package lists are our own: those of the machine may be empty, or of another architecture."""

import lzma
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

MODULES = ["overlay"]  # what tests need and a kernel may have as a module
# Packages, with all that they depend on.
PROGRAMS = ["uidmap", "python3", "apparmor", "checkpolicy"]
HELPERS = ["newuidmap", "newgidmap"]


class Missing(Exception):
    """Something that this machine lacks; says what to do."""


# -- packages --

def run(command, **options):
    try:
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **options).stdout
    except FileNotFoundError:
        raise Missing(f"{command[0]} is not here: the kernel comes out of Debian's packages")
    except subprocess.CalledProcessError as failed:
        raise Missing(f"{' '.join(command)}\n{failed.stdout.rstrip()}\nfailed: are the package "
                      "sources of this machine reachable?")


class Apt:
    """The package sources of this machine, asked for an architecture, in a folder of our own."""

    def __init__(self, folder, arch):
        for part in ("lists/partial", "cache/archives/partial", "debs"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        self.debs, self.cache = folder / "debs", folder / "cache"
        self.options = [f"-o{name}={value}" for name, value in {
            "Dir::State": folder, "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache", "APT::Architecture": arch, "APT::Architectures": arch,
            "APT::Sandbox::User": "root", "Acquire::Languages": "none"}.items()]
        run(["apt-get", "-qq", *self.options, "update"])

    def dependency(self, package):
        """The one package that a package without content stands for."""
        says = run(["apt-cache", *self.options, "depends", "--important", package])
        found = re.findall(r"^ *Depends: (\S+)", says, re.M)
        if len(found) != 1:
            raise Missing(f"{package} depends on {found}: one kernel was expected")
        return found[0]

    def unpack(self, package, into):
        run(["apt-get", "-qq", *self.options, "download", package], cwd=self.debs)
        deb, = self.debs.glob(f"{package}_*.deb")
        run(["dpkg-deb", "-x", str(deb), str(into)])

    def unpack_whole(self, packages, into):
        """With what they depend on: nothing is there yet, says the status of our own."""
        run(["apt-get", "-qq", *self.options, "-y", "--no-install-recommends", "--download-only",
             "install", *packages])
        for deb in (self.cache / "archives").glob("*.deb"):
            run(["dpkg-deb", "-x", str(deb), str(into)])


def fetched(build, arch, name, what, unpack):
    """Unpacked packages, fetched once."""
    done, unpacked = build / name, build / f"{name}.new"
    if not done.exists():
        print(f"# fetching {what}", flush=True)
        shutil.rmtree(unpacked, ignore_errors=True)
        unpack(Apt(build / "apt", arch), unpacked)
        shutil.rmtree(build / "apt")
        unpacked.rename(done)
    return done


def system(build, arch, kernel):
    def unpack(apt, into):
        apt.unpack(apt.dependency(kernel), into)
        apt.unpack("busybox-static", into)
    return fetched(build, arch, "system", "a kernel and busybox", unpack)


def programs(build, arch):
    return fetched(build, arch, "-".join(["programs", *PROGRAMS]), " and ".join(PROGRAMS),
                   lambda apt, into: apt.unpack_whole(PROGRAMS, into))


# -- modules --

def plain(name):
    """Modules are known by names in which "-" and "_" are the same."""
    return name.split(".")[0].replace("-", "_")


def with_dependencies(names, files):
    """The modules' content in the order of loading; modinfo(8) reads the same section."""
    ordered = {}
    for name in names:
        raw = files[name].read_bytes()
        raw = lzma.decompress(raw) if files[name].suffix == ".xz" else raw
        needed = re.search(rb"\0depends=([^\0]*)\0", raw).group(1).decode()
        ordered.update(with_dependencies([plain(n) for n in needed.split(",") if n], files))
        ordered[name] = raw
    return ordered


def modules(root):
    files = {plain(path.name): path for path in root.rglob("*.ko*")}
    built_in = [plain(Path(line).name) for path in root.rglob("modules.builtin")
                for line in path.read_text().split()]
    return with_dependencies([name for name in MODULES if name not in built_in], files)


# -- the initial RAM file system --

class Cpio:
    """The "newc" format of cpio(5), as Documentation/driver-api/early-userspace/ describes it."""

    def __init__(self):
        self.parts, self.folders, self.count = [], set(), 0

    def add(self, name, mode, content=b""):
        parent = os.path.dirname(name)
        if parent and parent not in self.folders:
            self.folders.add(parent)
            self.add(parent, stat.S_IFDIR | 0o755)
        self.count += 1
        path = name.encode() + b"\0"
        fields = [self.count, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0]
        header = b"070701" + b"".join(b"%08x" % field for field in fields) + path
        for part in (header, content):
            self.parts.append(part + bytes(-len(part) % 4))

    def file(self, name, content, mode=0o644):
        self.add(name, stat.S_IFREG | mode, content)

    def tree(self, name, top, leave_out=()):
        for path in sorted(top.rglob("*")):
            inside = f"{name}/{path.relative_to(top)}"
            if any(part in leave_out for part in path.relative_to(top).parts):
                continue
            if path.is_symlink():
                self.add(inside, stat.S_IFLNK | 0o777, os.readlink(path).encode())
            elif path.is_file():
                self.file(inside, path.read_bytes(), path.stat().st_mode & 0o777)

    def programs(self, top):
        """What runs of the packages of PROGRAMS: those, Python's modules, libraries. On Debian lib
        is usr/lib, which some packages know already (file-hierarchy(7))."""
        for name in ("lib", "lib64"):
            self.add(name, stat.S_IFLNK | 0o777, f"usr/{name}".encode())
        for path in sorted(top.rglob("*")):
            name = str(path.relative_to(top)).removeprefix("usr/")
            is_module = re.match(r"lib/python3[^/]*/(?!test/)", name)
            is_library = re.match(r"lib[^/]*/([^/]*/)?[^/]*\.so[^/]*$", name)
            is_program = re.match(r"bin/(python3[^/]*|checkpolicy|%s)$|sbin/apparmor_parser$" %
                                  "|".join(HELPERS), name)
            if not (is_module or is_library or is_program):
                continue
            if path.is_symlink():
                self.add(f"usr/{name}", stat.S_IFLNK | 0o777, os.readlink(path).encode())
            elif path.is_file():
                setuid = 0o4000 if path.name in HELPERS else 0
                self.file(f"usr/{name}", path.read_bytes(), path.stat().st_mode & 0o777 | setuid)

    def end(self):
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)
