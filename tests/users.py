"""Who runs the tests: whoever calls; and when that is root, two ordinary users as well, whom the
machine does not know. One has no entry anywhere. The other has one, a range of subordinate ids for
newuidmap(1), and a cgroup, as for a login by systemd. Each is in a mount namespace of its own: the
machine's /etc stays as it is, and what others mount meanwhile is not taken for something that a
test has left.

What a user was given is told to the tests in the environment:
  CTR_RANGE   UID:GID, where the user's 65536 subordinate ids of each kind begin (subuid(5))
  CTR_CGROUP  a directory of cgroup v2 that is the user's, in which the tests may make theirs
"""

import contextlib
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
UIDS, GIDS, COUNT = 2_000_000_000, 2_000_100_000, 65536  # where systemd has none, nor adduser
TOOLS = ["newuidmap", "newgidmap"]
RANGE, CGROUP = "a range", "a cgroup"  # what a user may be given
CLONE_NEWNS = 0x20000  # unshare(2)
MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED = 0x1000, 0x4000, 0x40000, 0x100000  # mount(2)


@dataclasses.dataclass(frozen=True)
class User:
    title: str  # "as root"
    uid: int = -1  # whom to become; -1: the one we are
    gid: int = -1
    etc: Path | None = None  # has mounts of its own, and these files in the place of those of /etc
    env: dict = dataclasses.field(default_factory=dict)
    cgroup: Path | None = None  # where to be

    def become(self):
        """In a child, before its program: for good."""
        if self.cgroup:
            (self.cgroup / "cgroup.procs").write_text("0")
        if self.etc:
            see(self.etc)
        if self.uid < 0:
            return
        os.setgroups([])
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)

    def can_run(self, command):
        try:
            return not subprocess.run(command, preexec_fn=self.become, capture_output=True).returncode
        except (OSError, subprocess.SubprocessError):
            return False


def see(etc):
    """Enters a mount namespace where the files of a directory are those of /etc. Its mounts are
    shared, as systemd has it: among those who come from there."""
    libc = ctypes.CDLL(None, use_errno=True)
    binds = [(str(path), f"/etc/{path.name}", MS_BIND) for path in etc.iterdir()]
    done = libc.unshare(CLONE_NEWNS)
    for source, target, flags in [(None, "/", MS_REC | MS_PRIVATE), *binds,
                                  (None, "/", MS_REC | MS_SHARED)]:
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


def lines_of(uid, gid):
    """What the files of /etc say of a user with a range."""
    return {"passwd": f"{NAME}:x:{uid}:{gid}::/nonexistent:/bin/sh", "group": f"{NAME}:x:{gid}:",
            "subuid": f"{NAME}:{UIDS}:{COUNT}", "subgid": f"{uid}:{GIDS}:{COUNT}"}


def etc_with(uid, gid, into):
    """Copies of the machine's files with lines for one user more. None where there are no such
    files, which newuidmap(1) reads."""
    into.mkdir()
    for name, line in lines_of(uid, gid).items():
        old = Path("/etc", name)
        if not old.exists():
            return None
        (into / name).write_text(f"{line}\n{old.read_text()}")
    return into


def range_for(uid, gid, into):
    """Files for /etc that give the user a range, and why there are none."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return None, f"{', '.join(missing)}: not installed"
    etc = etc_with(uid, gid, into / "etc")
    return etc, "" if etc else "this machine has no /etc/subuid and /etc/subgid"


def hierarchy():
    """Where cgroup v2 is mounted, all of it; None: nowhere."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, tail = line.partition(" - ")
        if tail.startswith("cgroup2 ") and fields.split()[3] == "/":
            return Path(fields.split()[4])
    return None


def hand_out(place):
    """Gives what is below a cgroup each of its controllers that can be given (cgroup-v2.rst,
    "Controlling Controllers")."""
    for name in (place / "cgroup.controllers").read_text().split():
        with contextlib.suppress(OSError):
            (place / "cgroup.subtree_control").write_text(f"+{name}")


def cgroup_for(uid, gid):
    """A cgroup in one that is the user's to divide (cgroup-v2.rst, "Delegation"): processes and
    controllers exclude each other ("No Internal Process Constraint"). And why there is none."""
    top = hierarchy()
    if not top:
        return None, "cgroup v2 is not mounted"
    session = top / f"{NAME}-{os.getpid()}" / "session"
    try:
        hand_out(top)
        for path in (session.parent, session):
            path.mkdir()
            for name in (".", *Path("/sys/kernel/cgroup/delegate").read_text().split()):
                if (path / name).exists():
                    os.chown(path / name, uid, gid)
    except OSError as error:
        return None, str(error)
    return session, ""


def remove_cgroups(top):
    for path, _, _ in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):  # somebody is in it
            os.rmdir(path)


def everybody(into):
    """Those for root to become, and what nobody of them has: why not, by what."""
    (uid, gid), (other_uid, other_gid), *_ = (ids for ids, _ in zip(unknown_ids(), range(2)))
    etc = into / "etc.same"
    etc.mkdir()
    root = User("as root", etc=etc)
    if not root.can_run(["true"]):
        why = "mounts cannot be made here"
        return [User("as root"), User(f"as uid {other_uid}", other_uid, other_gid)], \
            {RANGE: why, CGROUP: why}
    fresh = User(f"as uid {other_uid}", other_uid, other_gid, etc)
    own_etc, no_range = range_for(uid, gid, into)
    session, no_cgroup = cgroup_for(uid, gid)
    env = {"USER": NAME, "LOGNAME": NAME, **({"CTR_RANGE": f"{UIDS}:{GIDS}"} if own_etc else {}),
           **({"CTR_CGROUP": str(session.parent)} if session else {})}
    lacking = {what: why for what, why in ((RANGE, no_range), (CGROUP, no_cgroup)) if why}
    has = " and ".join(what for what in (RANGE, CGROUP) if what not in lacking)
    given = [User(f"as uid {uid} with {has}", uid, gid, own_etc or etc, env, session)]
    return [root, fresh, *(given if has else [])], lacking


# -- the one we are --

def own_range():
    """CTR_RANGE for who we are; "" where the files say something else, or without the tools."""
    names = [str(os.geteuid())]
    try:
        names.append(pwd.getpwuid(os.geteuid()).pw_name)
    except KeyError:
        pass
    begins = []
    for name in ("subuid", "subgid"):
        try:
            lines = [line.split(":") for line in Path("/etc", name).read_text().split()]
        except OSError:
            return ""
        own = [(first, count) for who, first, count in lines if who in names]
        begins += [first for first, count in own if len(own) == 1 and count == str(COUNT)]
    return ":".join(begins) if len(begins) == 2 and all(map(shutil.which, TOOLS)) else ""


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


@contextlib.contextmanager
def people(into):
    """All who are to run the tests, and what nobody of them has: why not, by what."""
    uid = os.geteuid()
    if uid:
        given = {"CTR_RANGE": own_range(), "CTR_CGROUP": own_cgroup()}
        env = {name: value for name, value in given.items() if value}
        yield [User(f"as uid {uid}", env=env)], {}
        return
    all_of_them, lacking = everybody(into)
    try:
        yield all_of_them, lacking
    finally:
        for user in all_of_them:
            if user.cgroup:
                remove_cgroups(user.cgroup.parent)
