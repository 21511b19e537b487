"""Holes that a filter closes, or that are closed without it as well: both are tried."""

import array
import fcntl
import os
import pty
import shutil
import termios
import unittest

from hole import NO_FILTER, Hole, compiled
from lifecycle import BUSYBOX
from oci import ROOT

# The rule of the presets, as it stands in ctr.h.
RULE = ("{CTR__DENY(CTR__INT(1, TIOCSTI)), ", "{")
# Capabilities are neither bounded nor given up: all that the runtime has stay.
CAPABILITIES = (
    ("if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) return errno == EINVAL ? 0 : -errno;",
     "continue;"),
    ("return (int)CTR__CALL(SYS_capset, &head, data);", "return 0;"))


class TIOCSTI_a_terminal_that_is_nobodys(Hole):
    """The caller's terminal controls no session, and becomes that of the program, which types into
    it. One of the caller's session: CVE_2017_5226 (test_leaks.py)."""

    without = [RULE]

    def setUp(self):
        super().setUp()
        self.default["annotations"] = {"ctr.seccomp": "default"}
        self.master, self.slave = pty.openpty()
        for fd in (self.master, self.slave):
            self.addCleanup(os.close, fd)
        mode = termios.tcgetattr(self.slave)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(self.slave, termios.TCSANOW, mode)

    def typed(self):
        """How many bytes wait to be read by who is at the terminal."""
        count = array.array("i", [0])
        fcntl.ioctl(self.slave, termios.FIONREAD, count)
        return count[0]

    def attack(self):
        self.can_be_typed_into()
        self.default["process"]["args"] = ["/probe", "takeover", "evil"]
        self.write()
        running = self.spawn("run", "--bundle", self.bundle, "one", stdin=self.slave,
                             stdout=self.slave, stderr=self.slave)
        running.wait()
        self.assertRegex(os.read(self.master, 4096), rb"^(tiocsti|taken)")
        return self.typed()

    def can_be_typed_into(self):
        try:
            with open("/proc/sys/dev/tty/legacy_tiocsti") as setting:
                if setting.read().strip() == "0":
                    self.skipTest("the kernel lets nobody type (dev.tty.legacy_tiocsti)")
        except FileNotFoundError:
            pass  # before Linux 6.2


class NewMountsApi(Hole):
    """A program inside undoes what is read-only or masked, by old calls or those of the new mounts
    API."""

    preset = None
    userns = False
    args = ()

    def attack(self):
        if self.userns and ROOT:
            ids = [{"containerID": 0, "hostID": 100000, "size": 65536}]
            self.default["linux"]["namespaces"].append({"type": "user"})
            self.default["linux"]["uidMappings"] = self.default["linux"]["gidMappings"] = ids
            for path in (self.bundle / "rootfs", self.bundle / "rootfs/probe"):
                os.chown(path, 100000, 100000)
        self.default["annotations"] = {"ctr.seccomp": self.preset} if self.preset else {}
        shutil.copy(compiled((), "tests/security/remount.c"), self.bundle / "rootfs/remount")
        self.default["process"]["args"] = ["/remount", *self.args]
        self.write()
        return self.works("run", "--bundle", self.bundle, "one")


class new_mounts_api_capabilities(NewMountsApi):
    """No CAP_SYS_ADMIN is enough, without a filter."""

    without = CAPABILITIES


class new_mounts_api_capabilities_in_a_user_namespace(NewMountsApi):
    """Likewise where root inside is somebody else outside."""

    without = CAPABILITIES
    userns = True


class new_mounts_api_preset(NewMountsApi):
    """The preset refuses the calls even to who has the capability, by a hole of something else."""

    preset = "default"
    already = CAPABILITIES
    without = [NO_FILTER]


class new_mounts_api_preset_in_a_user_namespace(NewMountsApi):
    """Likewise where root inside is somebody else outside."""

    preset = "default"
    already = CAPABILITIES
    without = [NO_FILTER]
    userns = True


# What remount.c undoes where nothing holds it up.
UNDONE = {"a procfs by fsmount", "a procfs by mount", "below a mask by open_tree",
          "below a mask by bind", "a mask of a copy by umount2", "read-only by mount_setattr",
          "read-only by mount_setattr of all", "read-only of a copy by mount_setattr",
          "read-only by remount", "a mask by umount2", "read-only by umount2",
          "a mask by move_mount", "a mask by MS_MOVE"}
# Of sysfs, which is the machine's: who changes it, and who mounts it anew where it is read-only.
OF_SYSFS = {"a sysfs by fsmount", "a sysfs by mount", "a file system by fspick"}


class locked_mounts(NewMountsApi):
    """Who is root of a user namespace of their own in there meets the kernel's locks, and nothing
    else; all of it works for who has the same capabilities without such a namespace."""

    already = CAPABILITIES
    without = []
    args = ["unshare"]

    def check_opens(self):
        self.args = ()
        self.assertEqual({*self.try_without(*self.already).splitlines()},
                         UNDONE if self.userns or not ROOT else UNDONE | OF_SYSFS)


class locked_mounts_in_a_user_namespace(locked_mounts):
    """Likewise where root inside is somebody else outside."""

    without = []
    userns = True


class hooks_inside_without_the_filter(Hole):
    """startContainer hooks are programs of the image, and what they leave behind runs beside the
    container's program: under its filter, as with runc."""

    filtered = True
    without = [("!row->is_of_host && ctr__loads_filters(b)", "false")]

    def attack(self):
        notes = self.bundle / "rootfs/notes"
        notes.mkdir()
        shutil.copy(BUSYBOX, self.bundle / "rootfs/busybox")
        script = ("b=/busybox; $b grep Seccomp: /proc/self/status >/notes/mode; "
                  "if $b unshare -U $b true; then $b touch /notes/unshared; fi; "
                  "$b touch /notes/ended")
        hook = {"path": "/busybox", "args": ["sh", "-c", script]}
        self.default["process"]["args"] = ["/probe", "exit", "0"]
        self.write({"hooks.startContainer": [hook]})
        self.works("run", "--bundle", self.bundle, "one")
        self.assertIn("ended", os.listdir(notes))
        got = {"unshared"} & {*os.listdir(notes)}
        return got if (notes / "mode").read_text().split()[1] == "2" else {*got, "no filter"}


if __name__ == "__main__":
    unittest.main()
