"""Files of the whole machine that nobody in a container may write to, nor change the way to: the
kernel's settings, its devices, the cgroups of others.

They are opened for writing, and never written to: without the defence they are the host's own.
"""

import json
import os
import re
import shutil
from pathlib import Path

from hole import NO_FILTER, Hole, compiled
from lifecycle import BUSYBOX
from oci import ROOT, change

# How each gets the whole machine to do something: proc(5), core(5), the kernel's sysrq.rst,
# binfmt-misc.rst; of uevent_helper: lib/kobject_uevent.c.
HOSTS = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug",
         "/proc/sys/kernel/poweroff_cmd", "/proc/sys/kernel/sysrq", "/proc/sysrq-trigger",
         "/proc/sys/fs/binfmt_misc/register", "/sys/kernel/uevent_helper", "/proc/kcore"]
# Null devices on what is masked; and what a process is to be told of, by its own descriptor.
HARMLESS = re.compile(r"/proc/(kcore|keys|latency_stats|timer_list|timer_stats|sched_debug|"
                      r"kpage(cgroup|count|flags)|pagetypeinfo|slabinfo|vmallocinfo|allocinfo)|"
                      r"/proc/pressure/(cpu|io|irq|memory)")

# Whoever is root of a user namespace of their own may try all of this there.
UNDO = """
mount -o remount,bind,rw /proc/sys
mount -o remount,bind,rw /sys
umount -l /proc/sys
umount -l /sys
mount -t proc proc /tmp/proc
mount -t sysfs sysfs /tmp/sys
mount --bind /proc/sys /tmp/bound
mount --rbind /proc /tmp/bound
"""


class Inside(Hole):
    def setUp(self):
        super().setUp()
        shutil.copy(BUSYBOX, self.bundle / "rootfs/busybox")

    def default_config(self):
        """That of the runtime that is tried; the one it is made by has its defences."""
        bundle = self.area / "default"
        bundle.mkdir()
        self.works("spec", "--bundle", bundle, *([] if ROOT else ["--rootless"]))
        config = json.loads((bundle / "config.json").read_text())
        if "cgroupsPath" in self.default["linux"]:
            config["linux"]["cgroupsPath"] = self.default["linux"]["cgroupsPath"]
        return config

    def said_by(self, config, *args, name="one"):
        change(config, "process.args", list(args))
        self.path.write_text(json.dumps(config))
        return self.works("run", "--bundle", self.bundle, name)

    def shell(self, config, script, name="one"):
        return self.said_by(config, "/busybox", "sh", "-c", script, name=name)


READ_ONLY = [('"/proc/sys",           "/proc/sysrq-trigger"', '"/proc/self/sched"'),
             ('"noexec", "nodev", "ro")},\n    {.destination = "/sys/fs/cgroup"',
              '"noexec", "nodev")},\n    {.destination = "/sys/fs/cgroup"')]


class OpenedForWriting(Inside):
    def configs(self):
        yield self.default_config()

    def attack(self):
        got = []
        for number, config in enumerate(self.configs()):
            got += self.walk(config, f"walk{number}") + self.undo(config, f"undo{number}")
        return got

    def walk(self, config, name):
        ways = ["", "/proc/self/root", "/proc/1/root", "/proc/self/cwd", "/proc/self/task/1/root"]
        roots = [f"{way}{top}" for way in ways for top in ("/proc", "/sys")]
        found = self.said_by(config, "/probe", "writable", *roots, name=name).splitlines()
        return [path for path in found if not HARMLESS.fullmatch(self.without_way(path, ways))]

    def without_way(self, path, ways):
        return path.removeprefix(max((way for way in ways if path.startswith(way)), key=len))

    def undo(self, config, name):
        """As root of a user namespace inside."""
        tries = "".join(f"(: >> $top{path}) 2>/dev/null && echo open $top{path}\n"
                        for path in HOSTS if path != "/proc/kcore")
        script = "mkdir /tmp/proc /tmp/sys /tmp/bound\n" + UNDO.replace("\nm", "\n/busybox m") \
            .replace("\nu", "\n/busybox u").replace("mkdir", "/busybox mkdir") + \
            f"for top in '' /tmp /tmp/bound; do\n{tries}done\ntrue"
        self.bundle.joinpath("rootfs/script").write_text(script)
        said = self.shell(config, "/busybox unshare -U -r -m /busybox sh /script 2>/dev/null; true",
                          name)
        return re.findall(r"^open (.*)$", said, re.M)


class FilesOfTheMachine(OpenedForWriting):
    """core_pattern, sysrq, modprobe, uevent_helper, binfmt: what is host-wide can be opened for
    writing in a default container, by one name or another."""

    without = READ_ONLY


class FilesOfTheMachineInAUserNamespace(OpenedForWriting):
    """The same in a user namespace; also in one whose root is the machine's."""

    without = READ_ONLY

    def configs(self):
        for host in (0, 100000):
            config = self.default_config()
            config["linux"]["namespaces"].append({"type": "user"})
            for kind in ("uidMappings", "gidMappings"):
                config["linux"][kind] = [{"containerID": 0, "hostID": host, "size": 65536}]
            yield config

    def default_config(self):
        if not hasattr(self, "made"):
            self.made = super().default_config()
        return json.loads(json.dumps(self.made))


# -- cgroups --

# The default config has the capability to mount.
MOUNTS = [("CTR_CAP(AUDIT_WRITE) | CTR_CAP(KILL) | CTR_CAP(NET_BIND_SERVICE)\n",
           "CTR_CAP(AUDIT_WRITE) | CTR_CAP(SYS_ADMIN)\n")]
# A process is moved into its cgroup, not cloned into it.
NOT_BORN_THERE = ("b->born_in = ctr__cgroup_to_clone_into(b);", "")


def mounted_hierarchies():
    """Where the host has them."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, tail = line.partition(" - ")
        if tail.startswith("cgroup"):
            yield fields.split()[4]


class Cgroups(Inside):
    """What can be opened for writing in the hierarchies that can be mounted inside."""

    own_namespace = True
    args = ()

    def setUp(self):
        super().setUp()
        shutil.copy(compiled((), "tests/security/escaper.c"), self.bundle / "rootfs/escaper")

    def container(self):
        """The config to be tried."""
        config = self.default_config()
        if not self.filtered:
            config["annotations"] = {}
        if not self.own_namespace:
            config["linux"]["namespaces"] = [each for each in config["linux"]["namespaces"]
                                             if each["type"] != "cgroup"]
        config["root"]["readonly"] = False
        return config

    def found(self):
        """(CGROUP, NAME) of each."""
        self.default = self.container()
        self.start("one", {"process.args": ["/escaper", *self.args]}, heard="tried\n")
        return re.findall(r"^(\d+:\d+) (\S+)$", self.said(), re.M)

    def of_others(self):
        """Those that are not the container's own."""
        found = self.found()
        own = {f"{st.st_dev}:{st.st_ino}" for st in map(os.stat, self.cgroups())}
        return [each for each in found if each[0] not in own]


class CgroupMount(Cgroups):
    """What is mounted at /sys/fs/cgroup is the container's own cgroup, and can be written to."""

    without = [('"noexec", "nodev", "relatime", "ro")}', '"noexec", "nodev", "relatime")}')]

    def attack(self):
        return self.said_by(self.container(), "/probe", "writable", "/sys/fs/cgroup").split()


class CVE_2023_25809(CgroupMount):
    """Without a cgroup namespace it is the host's hierarchy."""

    without = CgroupMount.without
    own_namespace = False


class CgroupEscape(Cgroups):
    """The container mounts what it is in, and lifts its limits."""

    without = MOUNTS

    def attack(self):
        return self.found()


class CVE_2022_0492(Cgroups):
    """Without a cgroup namespace a hierarchy that the container mounts is all of it: there is the
    release_agent, which the kernel runs on the host, and the cgroups of others."""

    without = MOUNTS
    own_namespace = False

    def attack(self):
        return self.of_others()

    def check_opens(self):
        names = {name for _, name in self.try_without(*self.without)}
        self.assertIn("cgroup.procs", names)
        if re.search(r"^[1-9]", Path("/proc/self/cgroup").read_text(), re.M):  # there is a v1
            self.assertIn("release_agent", names)


class CVE_2022_0492_from_namespaces_of_its_own(Cgroups):
    """Who makes a user namespace may mount what its process is in, with whoever's files: its own
    limits; and all of a hierarchy that the host has not mounted, where nobody has a cgroup."""

    without = [NO_FILTER]
    filtered = True
    args = ["unshare"]

    def attack(self):
        return self.found()


class CVE_2022_0492_from_a_cgroup_of_its_own(Cgroups):
    """The same without a filter: of what the host has mounted nothing else is to be seen."""

    without = [NOT_BORN_THERE, ("if (path && path != b->born_in)\n", "if (path && false)\n")]
    args = ["unshare"]

    def attack(self):
        mounted = {os.stat(path).st_dev for path in mounted_hierarchies()}
        return [each for each in self.of_others() if int(each[0].split(":")[0]) in mounted]


class CVE_2022_0492_from_a_cgroup_namespace_of_its_own(Cgroups):
    """Nor does who may mount, because the config says so, see what its maker was in."""

    already = MOUNTS
    without = [("return (b->new_namespaces & CTR_NS_CGROUP) && ctr__makes_container(b) && "
                "!b->desc->no_cgroup;", "return false;"), NOT_BORN_THERE]

    def attack(self):
        return self.of_others()


class CVE_2022_0492_of_a_root_that_is_another(Cgroups):
    """In a user namespace whose root is not the machine's, nothing is that root's."""

    without = []
    args = ["unshare"]
    hosts = 100000

    def container(self):
        config = super().container()
        os.chown(self.bundle / "rootfs", self.hosts, self.hosts)
        config["linux"]["namespaces"].append({"type": "user"})
        config["linux"]["uidMappings"] = config["linux"]["gidMappings"] = [
            {"containerID": 0, "hostID": self.hosts, "size": 100}]
        return config

    def attack(self):
        return self.found()

    def check_opens(self):
        self.hosts = 0
        super().check_opens()


# -- devices --

class DevicesMadeInside(Inside):
    """A device node can be made in a default container."""

    without = [("CTR_CAP(AUDIT_WRITE) | CTR_CAP(KILL) | CTR_CAP(NET_BIND_SERVICE)\n",
                "CTR_CAP(AUDIT_WRITE) | CTR_CAP(MKNOD)\n")]

    def attack(self):
        return "open" in self.shell(self.default_config(), (
            "for place in / /dev/ /tmp/ /run/; do /busybox mknod ${place}zeros c 1 5 2>/dev/null "
            "&& /probe try ${place}zeros; done; true"))


class DevicesNotAllowed(Inside):
    """A device that the rules do not allow is opened by way of a node made inside; at once, or when
    other limits have been changed."""

    without = [("return ctr__devices_set_list(&cgroup, &list, "
                "ctr__plan_str(s->plan, step->field), s->err);", "return (void)list, CTR_OK;"),
               ("return ctr__devices_set_program(&cgroup, &program, "
                "ctr__plan_str(s->plan, step->field), s->err);", "return (void)program, CTR_OK;")]

    def attack(self):
        rules = [{"allow": False, "access": "rwm"},
                 {"allow": True, "type": "c", "access": "m"},
                 *({"allow": True, "type": "c", "major": 1, "minor": minor, "access": "rwm"}
                   for minor in (3, 8, 9))]
        capabilities = {kind: ["CAP_MKNOD"] for kind in ("bounding", "effective", "permitted")}
        self.start("one", {"linux.resources": {"devices": rules},
                           "process.capabilities": capabilities})
        node = "/busybox mknod /dev/log c 1 11; /probe try /dev/log /dev/null"
        first = self.works("exec", "one", "/busybox", "sh", "-c", node)
        self.works("update", "--pids-limit", "100", "one")
        second = self.works("exec", "one", "/probe", "try", "/dev/log", "/dev/null")
        self.assertEqual((first + second).count("/dev/null open"), 2, first + second)
        return "log open" in first + second
