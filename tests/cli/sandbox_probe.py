"""What a program sees that runs in a sandbox, as one JSON object on stdout: everything in which two
tools that were given the same command line could differ. Runs inside, on nothing but the standard
library:

    sandbox_probe.py DIR... -- FILE...    directories to list and to try to write to, files to read
"""

import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import stat
import struct
import sys

KINDS = {stat.S_IFDIR: "dir", stat.S_IFLNK: "link", stat.S_IFREG: "file", stat.S_IFCHR: "char",
         stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}
FLAGS = {"ro", "nosuid", "nodev", "noexec"}
PYTHONS = {signal.SIGPIPE, signal.SIGXFSZ}  # which Python itself ignores
SHOWN = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
         "Seccomp_filters", "Groups")
libc = ctypes.CDLL(None, use_errno=True)


def attempt(do, *args):
    """Its result, or the name of what went wrong."""
    try:
        return do(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def read(path):
    with open(path, "rb") as file:
        return file.read().decode(errors="replace")


def status(pid):
    lines = (line.split(":", 1) for line in read(f"/proc/{pid}/status").splitlines())
    return {name: value.strip() for name, value in lines}


def mounts():
    """By mount point the uppermost there, and how many it covers: on which one it is, and what is
    bound from where, but for a tmpfs, whose inside nobody gave names."""
    found, points = {}, {}
    for line in read("/proc/self/mountinfo").splitlines():
        left, right = line.split(" - ")
        number, parent, _, root, point, options, *more = left.split()
        kind = right.split()[0]
        points[number] = point
        found[point] = [kind, "" if kind == "tmpfs" else root, f"on {points.get(parent)}",
                        sorted(FLAGS & set(options.split(","))),
                        sorted(word.split(":")[0] for word in more),
                        found[point][-1] + 1 if point in found else 0]
    return found


def entry(path):
    info = os.lstat(path)
    kind = KINDS[stat.S_IFMT(info.st_mode)]
    shown = [kind, oct(stat.S_IMODE(info.st_mode)), info.st_uid, info.st_gid]
    if kind == "link":
        shown.append(os.readlink(path))
    if kind in ("char", "block"):
        shown.append(f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}")
    return shown


def listing(path):
    if not os.path.isdir(path):
        return attempt(entry, path)
    return {name: attempt(entry, f"{path}/{name}") for name in ["."] + sorted(os.listdir(path))}


def write_try(path):
    if not os.path.isdir(path):
        os.close(os.open(path, os.O_WRONLY))
        return "writable"
    trial = f"{path}/.probe-{os.getpid()}"
    os.close(os.open(trial, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    os.unlink(trial)
    return "writable"


def namespaces():
    names = sorted(os.listdir("/proc/self/ns"))
    return {name: os.readlink(f"/proc/self/ns/{name}") for name in names}


def descriptors():
    """What each leads to, but for the directory that is read meanwhile."""
    found = {}
    for name in sorted(os.listdir("/proc/self/fd"), key=int):
        target = attempt(os.readlink, f"/proc/self/fd/{name}")
        if target == "ENOENT" or target.endswith("/fd"):
            continue
        found[name] = target.split(":")[0] if target.startswith(("pipe:", "socket:")) else target
    return found


def interfaces():
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            request = struct.pack("16sh14x", name.encode(), 0)
            flags = struct.unpack("16sh14x", fcntl.ioctl(sock, 0x8913, request))[1]  # SIOCGIFFLAGS
            found[name] = "up" if flags & 1 else "down"
    return found


def processes():
    """Of a pid namespace of our own; in the host's there would be everybody else."""
    found = {}
    for pid in sorted((p for p in os.listdir("/proc") if p.isdigit()), key=int):
        shown = attempt(status, pid)
        if isinstance(shown, dict):
            found[pid] = [shown["Name"], shown["PPid"], shown["State"][0]]
    return found


def signals(mask):
    return [n for n in range(1, 65) if int(mask, 16) >> (n - 1) & 1 and n not in PYTHONS]


def in_child(do):
    """Its result, from a process that may break itself."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, str(do()).encode())
        os._exit(0)
    os.close(writer)
    os.wait()
    with os.fdopen(reader) as answer:
        return answer.read()


def new_user_namespace():
    failed = libc.unshare(0x10000000) != 0
    return errno.errorcode[ctypes.get_errno()] if failed else "allowed"


def parent_death_signal():
    number = ctypes.c_int()
    libc.prctl(2, ctypes.byref(number))
    return number.value


def mask():
    old = os.umask(0)
    os.umask(old)
    return oct(old)


def main():
    split = sys.argv.index("--")
    places, files = sys.argv[1:split], sys.argv[split + 1:]
    own = status("self")
    first = attempt(status, 1)
    alone = os.getpid() < 10
    print(json.dumps({
        "mounts": mounts(),
        "places": {path: attempt(listing, path) for path in places},
        "writing": {path: attempt(write_try, path) for path in places + files},
        "files": {path: attempt(read, path) for path in files},
        "uid": os.getresuid(), "gid": os.getresgid(),
        "maps": [read(f"/proc/self/{kind}_map").split()[::2] for kind in ("uid", "gid")],
        "setgroups": read("/proc/self/setgroups").strip(),
        "status": {name: own[name] for name in SHOWN},
        "init": {name: first[name] for name in SHOWN} if alone else "not ours",
        "ignored": signals(own["SigIgn"]), "blocked": signals(own["SigBlk"]),
        "namespaces": namespaces(), "hostname": socket.gethostname(),
        "cwd": os.getcwd(), "environment": dict(os.environ),
        "pid": os.getpid() if alone else "", "parent": os.getppid() if alone else "",
        "processes": processes() if alone else "",
        "session": os.getsid(0), "group": os.getpgid(0), "leads": os.getsid(0) == os.getpid(),
        "descriptors": descriptors(), "umask": mask(),
        "limits": {name: resource.getrlimit(getattr(resource, name))
                   for name in sorted(dir(resource)) if name.startswith("RLIMIT_")},
        "oom": read("/proc/self/oom_score_adj").strip(), "nice": os.nice(0),
        "interfaces": attempt(interfaces), "dies with parent": parent_death_signal(),
        "new user namespace": in_child(new_user_namespace),
    }))


main()
