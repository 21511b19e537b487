"""Bad input: each gives exit 1 and one line that names the field or the place, and leaves nothing."""

import os

from oci import DELETE, ROOT, Bundles, census, ctr_oci

# What is changed in the default config, and what the one line must have.
BAD_CONFIGS = [
    # wrong types and values
    ({"process.args": "sh"}, "process.args: expected an array, found a string"),
    ({"process.args.1": 7}, "process.args[1]: expected a string"),
    ({"process.user.uid": -1}, "process.user.uid: expected an integer"),
    ({"process.user.uid": 4294967296}, "process.user.uid: expected an integer"),
    ({"process.user.uid": 1.5}, "process.user.uid: expected an integer"),
    ({"process.user.umask": 0o1000}, "process.user.umask: expected an integer from 0 to 511"),
    ({"root": []}, "root: expected an object"),
    ({"root.readonly": "yes"}, "root.readonly: expected true or false"),
    ({"mounts": {}}, "mounts: expected an array"),
    ({"ociVersion": "two"}, "ociVersion: \"two\" is not a version"),
    ({"ociVersion": "2.0.0"}, "ociVersion: \"2.0.0\""),
    # missing
    ({"ociVersion": DELETE}, "ociVersion: required"),
    ({"root": DELETE}, "root.path: required"),
    ({"root.path": DELETE}, "root.path: required"),
    ({"process.cwd": DELETE}, "process.cwd: required"),
    ({"process.args": DELETE}, "process.args: the program to run is missing"),
    ({"process.args": []}, "process.args: the program to run is missing"),
    ({"process.args": [""]}, "process.args: the program to run is missing"),
    ({"mounts.0.destination": DELETE}, "mounts[0].destination: required"),
    ({"linux.namespaces.0.type": DELETE}, "linux.namespaces[0].type: required"),
    # unknown names
    ({"process.capabilities.bounding": ["CAP_FLY"]},
     "process.capabilities.bounding[0]: \"CAP_FLY\" is not a capability"),
    ({"linux.namespaces.0.type": "moon"}, "linux.namespaces[0].type: \"moon\" is not a namespace"),
    ({"process.rlimits.0.type": "RLIMIT_X"}, "process.rlimits[0].type: \"RLIMIT_X\""),
    ({"linux.rootfsPropagation": "sideways"}, "linux.rootfsPropagation: \"sideways\""),
    ({"mounts.7.options.0": "no_such_option"}, "mounts[7]: ", "option no_such_option"),
    ({"mounts.7.options.0": "size=much"}, "mounts[7]: ", "option size=much"),
    ({"mounts.7.type": "no_such_fs"}, "mounts[7]: ", "does not know this file system"),
    ({"linux.devices": [{"type": "z", "path": "/dev/z"}]}, "linux.devices[0].type"),
    # impossible
    ({"process.cwd": "relative"}, "process.cwd: must be an absolute path"),
    ({"process.env": ["no equals sign"]}, "process.env[0]"),
    ({"linux.namespaces.6": {"type": "pid"}, "linux.namespaces.7": {"type": "pid"}},
     ".type: \"pid\" a second time"),
    ({"linux.namespaces.3.path": "/proc/self/ns/net"}, "linux.namespaces[3]: open the uts"),
    ({"linux.namespaces.3.path": "/no/such/path"}, "linux.namespaces[3]: open the uts"),
    ({"linux.namespaces.0.path": "relative"}, "linux.namespaces[0].path: must be an absolute"),
    ({"process.rlimits.0.soft": 2048}, "process.rlimits[0]: the soft limit is above the hard"),
    ({"process.capabilities.permitted": []}, "process.capabilities.effective: has capabilities"),
    ({"linux.uidMappings": [{"containerID": 0, "hostID": 0, "size": 0}]}, "linux.", "Mappings"),
    ({"linux.sysctl": {"kernel.panic": "1"}}, "linux.sysctl.kernel.panic: it belongs to no"),
    ({"linux.sysctl": {"net.ipv4/../../kernel/panic": "1"}}, "linux.sysctl.net.ipv4/../.."),
    ({"linux.maskedPaths": ["relative"]}, "linux.maskedPaths[0]: must be an absolute path"),
    ({"mounts.0.options": ["bind", "size=1m"], "mounts.0.source": "/"}, "mounts[0].options[1]"),
    ({"mounts.1.destination": "/"}, "mounts[1].destination: the root itself"),
    # not there
    ({"root.path": "nowhere"}, "root.path: open ", "No such file"),
    ({"root.path": "config.json"}, "root.path: bind the root file system", "Not a directory"),
    ({"process.args": ["/nowhere"]}, "process.args[0]: find the program /nowhere: No such file"),
    ({"process.args": ["nowhere"]}, "process.args[0]", "executable file not found in $PATH"),
    ({"process.cwd": "/probe"}, "process.cwd: "),
    ({"mounts.0.type": "bind", "mounts.0.source": "/no/such/source", "mounts.0.options": []},
     "mounts[0]: bind /no/such/source on /proc", "the source cannot be opened"),
    ({"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["not_a_call"], "action": "SCMP_ACT_ERRNO"}]}},
     "linux.seccomp.syscalls[0].names[0]: ", "not_a_call"),
    ({"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["dup"], "action": "SCMP_ACT_ERRNO",
         "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]}},
     "linux.seccomp.syscalls[0].args[0].index: "),
    ({"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["dup"], "action": "SCMP_ACT_TRAP", "errnoRet": 1}]}},
     "linux.seccomp.syscalls[0].errnoRet: the action SCMP_ACT_TRAP takes none"),
    ({"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["dup"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1 + i % 4000,
         "args": [{"index": 0, "value": i, "op": "SCMP_CMP_EQ"}]} for i in range(10000)]}},
     "linux.seccomp.syscalls: ", "4096 instructions"),
    ({"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["dup"], "action": "SCMP_ACT_NOTIFY"}], "listenerPath": "/nobody/here"}},
     "linux.seccomp.listenerPath: connect to the listener's socket /nobody/here", "No such file"),
    ({"annotations": {"ctr.seccomp": "lax"}},
     "annotations.ctr.seccomp: \"lax\" is not a seccomp preset", "known are default, strict"),
    ({"annotations": {"ctr.seccomp": "strict"},
      "linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}},
     "annotations.ctr.seccomp: linux.seccomp says something else", "seccomp=unconfined"),
    # of modules that the kernel may have, without what these labels name
    ({"process.apparmorProfile": "no-such"}, "process.apparmorProfile: "),
    ({"process.selinuxLabel": "no-such"}, "process.selinuxLabel: "),
    ({"linux.mountLabel": "no\"such"}, "linux.mountLabel: "),
    ({"annotations": {"ctr.landlock": "{\"handledAccessFs\":[\"frobnicate\"]}"}},
     "landlock.handledAccessFs[0]: Landlock has no access right of files \"frobnicate\""),
    ({"annotations": {"ctr.landlock": "{\"handled\":[]}"}},
     "annotations.ctr.landlock: annotations.ctr.landlock.handled: there is no such member"),
    ({"annotations": {"ctr.landlock": "{"}}, "annotations.ctr.landlock: its value is no JSON text"),
    # parsed, and refused until it is executed
    ({"process.terminal": True, "process.consoleSize": {"height": 70000, "width": 1}},
     "process.consoleSize: more than 65535"),
    ({"hooks": {"poststop": [{"path": "x"}]}}, "hooks.poststop[0].path: must be an absolute"),
    ({"linux.resources": {"unified": {"no.such": "1"}}}, "linux.resources.unified.no.such: no"),
    ({"linux.resources": {"unified": {"cgroup.procs": "1"}}}, "linux.resources.unified.cgroup.procs"),
    ({"linux.intelRdt": {}}, "linux.intelRdt: this version"),
    ({"mounts.0.uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]},
     "mounts[0].gidMappings: missing: the other map is given"),
    ({"linux.netDevices": {"eth0": {}}}, "linux.netDevices: this version"),
    ({"linux.cgroupsPath": "/x/../y"}, "linux.cgroupsPath: "),
]

BAD_TEXTS = [
    ("", "line 1, column 1: expected a value, found the end"),
    ("{", "line 1, column 2: "),
    ('{\n  "ociVersion": "1.0.0",\n}', "line 3, column 1: expected a name in quotes"),
    ('{"ociVersion": "1.0.0", "ociVersion": "1.0.0"}', "the name \"ociVersion\" a second time"),
    ("[" * 1_000_000, "line 1, column 65: arrays and objects are nested too deeply"),
    ("[]", "expected an object, found an array"),
    ('"\\ud800"', "lone high surrogate"),
    ('{"a": 1e400}', "too large for a double"),
]


class BadInput(Bundles):
    def refused(self, result, before, *parts):
        self.assertEqual(result.returncode, 1, result.stderr + result.stdout)
        self.assertEqual(result.stdout, "")
        lines = [line for line in result.stderr.splitlines() if "warning:" not in line]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("ctr-oci: "), lines[0])
        for part in parts:
            self.assertIn(part, lines[0])
        self.assertEqual(census(self.bundle), before)

    def test_bad_configs_are_refused_by_field(self):
        for changes, *parts in BAD_CONFIGS:
            with self.subTest(changes=changes):
                # A preset does not go with a profile.
                self.write({**({"annotations": {}} if "linux.seccomp" in changes else {}),
                            **changes})
                before = census(self.bundle)
                self.refused(ctr_oci("run", "--bundle", self.bundle, "test"), before, *parts)

    def test_bad_texts_are_refused_by_place(self):
        for text, part in BAD_TEXTS:
            with self.subTest(text=text[:50]):
                self.write(text=text)
                before = census(self.bundle)
                self.refused(ctr_oci("run", "--bundle", self.bundle, "test"), before, part)

    def test_a_config_that_is_no_file_is_refused(self):
        self.path.unlink()
        before = census(self.bundle)
        self.refused(ctr_oci("run", "--bundle", self.bundle, "test"), before, "No such file")
        self.path.mkdir()
        before = census(self.bundle)
        self.refused(ctr_oci("run", "--bundle", self.bundle, "test"), before, "not a regular file")
        self.path.rmdir()
        os.mkfifo(self.path)
        before = census(self.bundle)
        self.refused(ctr_oci("run", "--bundle", self.bundle, "test"), before, "not a regular file")
        self.path.unlink()
        self.path.symlink_to("/dev/zero")
        before = census(self.bundle)
        self.refused(ctr_oci("run", "--bundle", self.bundle, "test"), before, "not a regular file")

    def test_a_root_that_may_not_be_entered_is_refused(self):
        (self.bundle / "rootfs").chmod(0)
        self.write()
        result = ctr_oci("run", "--bundle", self.bundle, "test")
        (self.bundle / "rootfs").chmod(0o755)
        self.assertEqual(result.returncode, 1)
        self.assertIn("Permission denied", result.stderr)

    def test_a_config_that_may_not_be_read_is_refused(self):
        self.path.chmod(0)
        before = census(self.bundle)
        self.refused(ctr_oci("run", "--bundle", self.bundle, "test"), before, "Permission denied")

    def test_device_rules_hold_or_are_warned_of(self):
        result = self.run_bundle({"linux.resources": {"devices": [{"allow": False,
                                                                   "access": "rwm"}]}})
        self.assertEqual(result.returncode, 0, result.stderr)
        warning = "" if ROOT else "warning: linux.resources.devices: not applied"
        self.assertIn(warning, result.stderr)
        self.assertEqual(bool(result.stderr), not ROOT)

    def test_a_device_rule_says_what_is_meant(self):
        for rule, member in (({"allow": False}, "access"), ({"allow": True, "access": ""}, "access"),
                             ({"allow": True, "access": "rx"}, "access"),
                             ({"allow": True, "access": "r", "type": "u"}, "type"),
                             ({"allow": True, "access": "r", "major": 4096}, "major")):
            result = self.run_bundle({"linux.resources": {"devices": [rule]}})
            self.assertEqual(result.returncode, 1, rule)
            self.assertIn(f"linux.resources.devices[0].{member}: ", result.stderr)
