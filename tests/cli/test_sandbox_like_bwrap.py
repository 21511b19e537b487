"""examples/sandbox.c beside bubblewrap: command lines as they are used in the field, run by both,
and what a probe sees inside compared."""

import json
import os
import re
import unittest

from oci import ROOT
from sandboxes import BWRAP, PROBE, PYTHON, SANDBOX, Sandboxes, filter_program, system

# Where the two differ: patterns for the name of what was seen, for bubblewrap's and for ours; and
# why that is as it should be.
DIFFERENCES = [
    ("places .*", "dir 0o700 .*", "dir 0o755 .*",
     "a parent directory that was missing: bwrap(1) says 0755, and does so for some options only"),
    ("setgroups", "deny", "allow",
     "root may let go of groups: it is ordinary users whom one may have been meant to keep out"),
    ("mounts /dev/(null|zero|full|random|urandom|tty)", r".*\['nosuid'\].*", r".*\['nosuid', 'ro'\].*",
     "the nodes are the host's, which its root inside could change the mode of; they can be written "
     "to all the same"),
]


class Line:
    """A command line: its options, what its descriptors hold, and what is to be looked at."""

    def __init__(self, options, contents=None, places=(), files=(), probe="/.probe.py",
                 args_fd=None):
        self.options, self.contents, self.probe = [str(o) for o in options], contents or {}, probe
        self.places, self.files = [str(p) for p in places], [str(f) for f in files]
        if probe == "/.probe.py":
            self.options = ["--ro-bind", str(PROBE), probe, *self.options]
        if args_fd:
            self.contents[args_fd] = "".join(f"{o}\0" for o in self.options)
            self.options = ["--args", str(args_fd)]


def flatpak(room):
    """flatpak run: a runtime as /usr, an application as /app, directories of its own in $HOME."""
    run_dir, own = f"/run/user/{os.getuid()}", room / "home/.var/app/org.example.App"
    for part in ("cache", "data", "config", "cache/tmp"):
        (own / part).mkdir(parents=True, exist_ok=True)
    (room / "app").mkdir(exist_ok=True)
    (room / "app/.ref").touch()
    info = "[Application]\nname=org.example.App\n"
    options = [
        *system(), "--ro-bind", room / "app", "/app", "--lock-file", "/app/.ref",
        "--proc", "/proc", "--unshare-pid", "--unshare-ipc", "--dev", "/dev",
        "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
        "--ro-bind-data", 41, "/etc/passwd", "--ro-bind-data", 42, "/etc/group",
        "--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf",
        "--dir", "/tmp", "--dir", "/var/tmp", "--symlink", "../run", "/var/run",
        "--dir", run_dir, "--setenv", "XDG_RUNTIME_DIR", run_dir,
        "--bind", own / "cache", "/var/cache", "--bind", own / "data", "/var/data",
        "--bind", own / "config", "/var/config", "--bind", own / "cache/tmp", "/var/tmp",
        "--ro-bind", "/sys/block", "/sys/block", "--ro-bind", "/sys/bus", "/sys/bus",
        "--ro-bind", "/sys/class", "/sys/class", "--ro-bind", "/sys/dev", "/sys/dev",
        "--ro-bind", "/sys/devices", "/sys/devices",
        "--dev-bind-try", "/dev/dri", "/dev/dri", "--ro-bind-try", "/nowhere", "/nowhere",
        "--perms", "0600", "--file", 43, f"{run_dir}/flatpak-info",
        "--ro-bind-data", 44, "/.flatpak-info",
        "--perms", "0700", "--dir", own, "--bind", own, own,
        "--unsetenv", "LD_PRELOAD", "--setenv", "FLATPAK_ID", "org.example.App",
        "--seccomp", 45, "--sync-fd", 46, "--chdir", own,
    ]
    contents = {41: "me:x:1000:1000::/:/bin/sh\n", 42: "us:x:1000:\n", 43: info, 44: info,
                45: filter_program([135, 250]), 46: ""}
    return Line(options, contents, ["/", "/app", "/etc", "/var", "/run", run_dir, "/sys", own],
                ["/etc/passwd", "/etc/group", "/.flatpak-info", f"{run_dir}/flatpak-info"],
                args_fd=40)


def steam_runtime(room):
    """pressure-vessel: another /usr beside the host's, its /dev, shared processes and home."""
    run_dir, home = f"/run/user/{os.getuid()}", room / "home"
    (home / ".steam").mkdir(exist_ok=True)
    (home / ".steam/registry.vdf").write_text("{}\n")
    options = [
        *system(), "--ro-bind", "/usr", "/run/host/usr",
        "--symlink", "usr/bin", "/run/host/bin", "--symlink", "usr/lib", "/run/host/lib",
        "--ro-bind-try", "/etc/ld.so.cache", "/run/host/etc/ld.so.cache",
        "--ro-bind-try", "/etc/alternatives", "/run/host/etc/alternatives",
        "--dev-bind", "/dev", "/dev", "--proc", "/proc", "--ro-bind", "/sys", "/sys",
        "--bind", home, home, "--tmpfs", "/tmp", "--dir", "/var/cache", "--tmpfs", "/var/tmp",
        "--ro-bind-data", 41, "/etc/machine-id", "--symlink", "../run", "/var/run",
        "--bind-data", 42, "/run/pressure-vessel/ld.so.conf",
        "--tmpfs", "/run/pressure-vessel/pulse", "--perms", "0700", "--dir", run_dir,
        "--file", 43, "/etc/timezone", "--symlink", "/usr/share/zoneinfo/UTC", "/etc/localtime",
        "--setenv", "PRESSURE_VESSEL_RUNTIME", "scout", "--setenv", "XDG_RUNTIME_DIR", run_dir,
        "--unsetenv", "STEAM_RUNTIME", "--lock-file", "/etc/machine-id",
        "--cap-drop", "ALL", "--die-with-parent",
    ]
    contents = {41: "0123\n", 42: "/usr/lib\n", 43: "UTC\n", 47: "for the program\n"}
    return Line(options, contents,
                ["/", "/run", "/run/host", "/run/pressure-vessel", run_dir, "/etc", "/var", home],
                ["/etc/machine-id", "/run/pressure-vessel/ld.so.conf", "/etc/timezone",
                 home / ".steam/registry.vdf"])


def nix_build(room):
    """A build: nothing of this machine but its store, other ids, no user namespace further down."""
    (room / "build").mkdir(exist_ok=True)
    (room / "build/source.c").write_text("int main(void) { return 0; }\n")
    options = [
        "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
        "--hostname", "localhost", "--uid", "1000", "--gid", "100", "--clearenv", *system(),
        "--dev", "/dev", "--tmpfs", "/dev/shm", "--proc", "/proc",
        "--perms", "1777", "--size", 64 << 20, "--tmpfs", "/tmp",
        "--bind", room / "build", "/build",
        "--file", 41, "/etc/passwd", "--file", 42, "/etc/group", "--file", 43, "/etc/hosts",
        "--perms", "0555", "--dir", "/nix/store", "--chmod", "0750", "/nix",
        "--setenv", "NIX_BUILD_TOP", "/build", "--setenv", "HOME", "/homeless-shelter",
        "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "TMPDIR", "/build",
        "--chdir", "/build", "--remount-ro", "/",
    ]
    contents = {41: "nixbld:x:1000:100::/build:/noshell\n", 42: "nixbld:!:100:\n",
                43: "127.0.0.1 localhost\n"}
    return Line(options, contents, ["/", "/dev", "/dev/shm", "/tmp", "/build", "/nix", "/etc"],
                ["/etc/passwd", "/etc/group", "/etc/hosts", "/build/source.c"])


def thumbnailer(room):
    """gnome-desktop's thumbnailers, and glycin's loaders: one file in, one picture out."""
    (room / "picture.png").write_bytes(b"\x89PNG\r\n")
    (room / "out").mkdir(exist_ok=True)
    options = [
        *system(), "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
        "--ro-bind-try", "/etc/alternatives", "/etc/alternatives",
        "--ro-bind-try", "/etc/fonts", "/etc/fonts",
        "--ro-bind-try", "/var/cache/fontconfig", "/var/cache/fontconfig",
        "--proc", "/proc", "--dev", "/dev", "--chdir", "/", "--unshare-all", "--die-with-parent",
        "--clearenv", "--setenv", "GIO_USE_VFS", "local", "--setenv", "HOME", "/tmp-home",
        "--setenv", "XDG_RUNTIME_DIR", "/tmp-run", "--tmpfs", "/tmp-home", "--tmpfs", "/tmp-run",
        "--bind", room / "out", "/tmp", "--ro-bind", room / "picture.png", "/tmp/picture.png",
        "--add-seccomp-fd", 41, "--add-seccomp-fd", 42,
    ]
    contents = {41: filter_program([135]), 42: filter_program([250])}
    return Line(options, contents,
                ["/", "/dev", "/dev/pts", "/dev/shm", "/tmp", "/tmp-home", "/etc"],
                ["/tmp/picture.png"])


def script(room):
    """What people write: this machine read-only, and a place of its own for the program."""
    (room / "work").mkdir(exist_ok=True)
    options = [
        "--ro-bind", "/", "/", "--tmpfs", "/home", "--tmpfs", "/run", "--tmpfs", "/tmp", "--tmpfs",
        "/root", "--dir", "/tmp/config/libreoffice", "--bind", room / "work", "/tmp/work",
        "--proc", "/proc", "--dev", "/dev", "--chdir", "/", "--unshare-pid", "--unshare-net",
        "--ro-bind", PROBE, "/tmp/.probe.py", "--die-with-parent", "--setenv", "HOME",
        "/tmp/config",
    ]
    return Line(options, {},
                ["/dev", "/home", "/run", "/tmp", "/tmp/work", "/usr", "/etc", "/root"],
                ["/etc/hostname"], "/tmp/.probe.py")


LINES = {line.__name__: line for line in (flatpak, steam_runtime, nix_build, thumbnailer, script)}


def flat(value, path=()):
    """{"a": {"b": [1, 2]}} as {("a", "b"): "1 2"}."""
    if not isinstance(value, dict):
        return {path: " ".join(map(str, value)) if isinstance(value, list) else value}
    found = {}
    for key, inner in value.items():
        found.update(flat(inner, (*path, key)))
    return found


def normal(seen):
    """Without what must differ from run to run, and without the names of the two tools."""
    host = {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")}
    seen["namespaces"] = {name: "the host's" if link == host[name] else "its own"
                          for name, link in seen["namespaces"].items()}
    for name, ours in (("session", os.getsid(0)), ("group", os.getpgid(0))):
        other = seen[name] if seen["pid"] else "its own"
        seen[name] = "the caller's" if seen[name] == ours else other
    for process in (seen["processes"] or {}).values():
        process[0] = process[0].replace("bwrap", "reaper").replace("sandbox", "reaper")
    return seen


@unittest.skipUnless(BWRAP, "bwrap is not installed")
@unittest.skipUnless(os.access(PYTHON, os.X_OK), f"there is no {PYTHON}")
class LikeBubblewrap(Sandboxes):
    maxDiff = None

    def seen_by(self, tool, name):
        line = LINES[name](self.room)
        os.umask(0o022)
        result = self.run_tool(tool, *line.options, PYTHON, "-I", line.probe, *line.places, "--",
                               *line.files, fds=line.contents)
        self.assertEqual((result.returncode, result.stderr), (0, ""), f"{tool} {name}")
        return flat(normal(json.loads(result.stdout)))

    def differences(self, name, used):
        """What the table does not say of them."""
        theirs, ours = (self.seen_by(tool, name) for tool in (BWRAP, SANDBOX))
        self.assertGreater(len(theirs), 100)
        found = {}
        for path in sorted({*theirs, *ours}):
            pair = [str(seen.get(path, "nothing")) for seen in (theirs, ours)]
            if pair[0] != pair[1] and not self.excused([" ".join(path), *pair], used):
                found[path] = pair
        return found

    def compare(self, name, used):
        """Twice, if need be: what this machine itself changed meanwhile is not seen again."""
        first = self.differences(name, used)
        again = self.differences(name, used) if first else {}
        return {path: pair for path, pair in first.items() if path in again}

    def excused(self, difference, used):
        for row in DIFFERENCES:
            if all(re.fullmatch(pattern, text) for pattern, text in zip(row, difference)):
                used.add(row)
                return True
        return False

    def test_both_see_the_same(self):
        used = set()
        for name in LINES:
            with self.subTest(name):
                self.assertEqual(self.compare(name, used), {})
        stale = {row for row in DIFFERENCES if row not in used}
        self.assertEqual(stale, set() if ROOT else {row for row in stale if "root" in row[3]})
