"""Who runs the tests: whoever calls; and when that is root, two ordinary users as well, whom the
machine does not know. One has no entry anywhere. The other has one, and a range of subordinate ids
for newuidmap(1), in a mount namespace of its own: the machine's /etc stays as it is.

What a user was given is told to the tests in the environment:
  CTR_RANGE   FIRST:COUNT, the subordinate ids, of uids and gids alike (subuid(5))
  CTR_CGROUP  a directory of cgroup v2 that is the user's, in which the tests may make theirs
"""

import ctypes
import dataclasses
import grp
import os
import pwd
import shutil
import subprocess
from pathlib import Path

FIRST_UID = 54321  # where the search for uids that nobody has begins
NAME = "ctr-test"
RANGE = (2_000_000_000, 65536)  # where neither people nor systemd have theirs (uids-gids.io)
TOOLS = ["newuidmap", "newgidmap"]
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000  # mount(2), unshare(2)


@dataclasses.dataclass(frozen=True)
class User:
    title: str  # "as root"
    uid: int = -1  # whom to become; -1: the one we are
    gid: int = -1
    etc: Path | None = None  # its files are seen in the place of those of /etc
    env: dict = dataclasses.field(default_factory=dict)

    def become(self):
        """In a child, before its program: for good."""
        if self.uid < 0:
            return
        if self.etc:
            see(self.etc)
        os.setgroups([])
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)

    def can_run(self, command):
        try:
            return not subprocess.run(command, preexec_fn=self.become, capture_output=True).returncode
        except (OSError, subprocess.SubprocessError):
            return False


def see(etc):
    """Enters a mount namespace where the files of a directory are those of /etc."""
    libc = ctypes.CDLL(None, use_errno=True)
    binds = [(str(path), f"/etc/{path.name}", MS_BIND) for path in etc.iterdir()]
    done = libc.unshare(CLONE_NEWNS)
    for source, target, flags in [(None, "/", MS_REC | MS_PRIVATE), *binds]:
        done |= libc.mount(source and source.encode(), target.encode(), None,
                           ctypes.c_ulong(flags), None)
    if done:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


# -- two that nobody is --

def unknown_ids():
    """(uid, gid), each without an entry, and different from each other so that no test can take
    the one for the other."""
    def is_known(number):
        for find in (pwd.getpwuid, grp.getgrgid):
            try:
                return bool(find(number))
            except KeyError:
                continue
        return False

    for uid in range(FIRST_UID, 1 << 31):
        if not is_known(uid) and not is_known(uid + 1000):
            yield uid, uid + 1000


def etc_with(uid, gid, into):
    """Copies of the machine's files with lines for one user more. None where there are no such
    files, which newuidmap(1) reads."""
    first, count = RANGE
    lines = {"passwd": f"{NAME}:x:{uid}:{gid}::/nonexistent:/bin/sh", "group": f"{NAME}:x:{gid}:",
             "subuid": f"{NAME}:{first}:{count}", "subgid": f"{NAME}:{first}:{count}"}
    into.mkdir()
    for name, line in lines.items():
        old = Path("/etc", name)
        if not old.exists():
            return None
        (into / name).write_text(f"{line}\n{old.read_text()}")
    return into


def ordinary(into):
    """Those for root to become, and why one of them is not there ("" when both are)."""
    (uid, gid), (other_uid, other_gid), *_ = (ids for ids, _ in zip(unknown_ids(), range(2)))
    fresh = User(f"as uid {other_uid}", other_uid, other_gid)
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return [fresh], f"{', '.join(missing)}: not installed"
    etc = etc_with(uid, gid, into / "etc")
    if not etc:
        return [fresh], "this machine has no /etc/subuid and /etc/subgid"
    ranged = User(f"as uid {uid} with a range", uid, gid, etc,
                  {"CTR_RANGE": "%d:%d" % RANGE, "USER": NAME, "LOGNAME": NAME})
    if not ranged.can_run(["true"]):
        return [fresh], "mounts cannot be made here"
    return [fresh, ranged], ""


# -- the one we are --

def own_range():
    """FIRST:COUNT of the user that we are, where both files say the same (subuid(5)): as one number
    is told to the tests; "" where they do not, or without the tools that use it."""
    names = [str(os.geteuid())]
    try:
        names.append(pwd.getpwuid(os.geteuid()).pw_name)
    except KeyError:
        pass
    found = []
    for name in ("subuid", "subgid"):
        try:
            entries = [line.split(":") for line in Path("/etc", name).read_text().split()]
        except OSError:
            return ""
        found.append([f"{first}:{count}" for who, first, count in entries if who in names][:1])
    has_tools = all(shutil.which(tool) for tool in TOOLS)
    return found[0][0] if has_tools and found[0] and found[0] == found[1] else ""


def own_cgroup():
    """The directory beside our own cgroup of v2, when it is ours to write to (cgroup-v2.rst,
    "Delegation"); "" when not."""
    own = [line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines()
           if line.startswith("0::/")]
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, tail = line.partition(" - ")
        if own and tail.startswith("cgroup2 ") and own[0] != "/":
            beside = Path(fields.split()[4] + own[0]).parent
            if all(os.access(path, os.W_OK) for path in (beside, beside / "cgroup.procs")):
                return str(beside)
    return ""


def ourselves():
    uid = os.geteuid()
    if not uid:
        return User("as root")
    given = {"CTR_RANGE": own_range(), "CTR_CGROUP": own_cgroup()}
    return User(f"as uid {uid}", env={name: value for name, value in given.items() if value})
