"""An ordinary user with subordinate ids (subuid(5)). As root a test makes one up, in a mount
namespace of each command's own, in which the machine knows them; else it is who runs the tests, if
they have such ids."""

import os
import pwd
import shutil
import tempfile
import unittest
from collections import namedtuple
from pathlib import Path

Given = namedtuple("Given", "uid gid uids gids count")  # the first of each, and how many
MADE_UP = Given(54321, 54321, 200000, 300000, 65536)
NONE = "no subordinate ids: newuidmap(1), subuid(5)"

# Covers the files that say so, then becomes that user.
BECOME = """
folder=$1; shift
for file in passwd group subuid subgid; do mount --bind "$folder/$file" "/etc/$file" || exit; done
exec setpriv --reuid %d --regid %d --clear-groups --inh-caps=-all "$@"
""" % MADE_UP[:2]


def first_range(path, name):
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    fields = [line.split(":") for line in lines]
    found = [(int(first), int(count)) for owner, first, count in fields if owner == name]
    return found[0] if found else None


def user(cleanup):
    """The first words of a command that is to be run as that user, and what they have been given;
    skips the test where there is none. cleanup(function, ...) is called for what to do after it."""
    helpers = all(map(shutil.which, ("newuidmap", "newgidmap")))
    if os.geteuid() == 0:
        if not helpers or not all(map(os.path.exists, ("/etc/subuid", "/etc/subgid"))):
            raise unittest.SkipTest(NONE)
        return made_up(cleanup), MADE_UP
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise unittest.SkipTest(NONE)
    uids, gids = (first_range(f"/etc/{file}", name) for file in ("subuid", "subgid"))
    if not helpers or not uids or not gids or uids[1] != gids[1]:
        raise unittest.SkipTest(NONE)
    return [], Given(os.geteuid(), os.getegid(), uids[0], gids[0], uids[1])


def made_up(cleanup):
    folder = Path(tempfile.mkdtemp(prefix="etc."))
    folder.chmod(0o755)
    cleanup(shutil.rmtree, folder, ignore_errors=True)
    for file, line in (("passwd", "mapper:x:{0.uid}:{0.gid}::/:/bin/sh"),
                       ("group", "mapper:x:{0.gid}:"), ("subuid", "mapper:{0.uids}:{0.count}"),
                       ("subgid", "mapper:{0.gids}:{0.count}")):
        lines = Path("/etc", file).read_text()
        (folder / file).write_text(f"{lines}{line.format(MADE_UP)}\n")
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", BECOME, "sh", str(folder)]
