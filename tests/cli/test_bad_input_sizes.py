"""Bad input that is bad by its size, its bytes or its timing: each gives exit 1 and one line, and
leaves nothing. test_bad_input.py has what is wrong by its meaning."""

import json
import os
import resource
import threading

from oci import DELETE, census, ctr_oci
from test_bad_input import BadInput as Base

MIB = 1 << 20


def ranges(*rows):
    return [dict(zip(("containerID", "hostID", "size"), row)) for row in rows]


def ids(uids):
    """With a user namespace, a map of uids, and a sane one of gids."""
    return {"hostname": DELETE, "linux.uidMappings": uids, "linux.namespaces":
            [{"type": kind} for kind in ("mount", "user", "pid", "network", "ipc")],
            "linux.gidMappings": ranges((0, 0, 1))}


def filtered(args):
    """A profile of the caller's own, with one call that is looked at."""
    call = {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": args}
    return {"annotations": {},
            "linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [call]}}


# What is changed in the default config, and what the one line must have.
BAD_CONFIGS = [
    ({"process.rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}] * 100_000},
     "process.rlimits[1].type: "),
    ({"process.env": ["=x"]}, "process.env[0]"),
    ({"process.env": ["A=" + "x" * (2 * MIB)]}, "process.env[0]: longer than the kernel takes"),
    ({"process.args": [""]}, "process.args: the program to run is missing"),
    (ids(ranges((0, 0, 10), (5, 100, 10))), "linux.uidMappings[1]"),
    (ids(ranges((0, 0, 10), (100, 5, 10))), "linux.uidMappings[1]"),
    (ids(ranges((4294967290, 0, 10))), "linux.uidMappings[0]"),
    (ids(ranges((0, 4294967290, 10))), "linux.uidMappings[0]"),
    (ids(ranges((0, 0, 4294967296))), "linux.uidMappings[0].size: expected an integer"),
    ({"process.user.uid": 18446744073709551616}, "process.user.uid: expected an integer"),
    ({"hooks": {"createRuntime": [{"path": "no/slash/before"}]}}, "hooks.createRuntime[0].path: "),
    ({"hooks": {"createRuntime": [{"path": "/no/such/hook"}]}}, "hooks.createRuntime[0]: ",
     "it cannot be executed"),
    ({"linux.sysctl": {"net/../kernel.panic": "1"}}, "linux.sysctl."),
    ({"linux.cgroupsPath": "../x"}, "linux.cgroupsPath: "),
    # the uts one; without hostname, which only one of one's own may change
    ({"hostname": DELETE, "linux.namespaces.3.path": "/dev/null"}, "linux.namespaces[3]: ",
     "another kind, or none"),
    ({"hostname": DELETE, "linux.namespaces.3.path": "/proc/self/ns/ipc"}, "linux.namespaces[3]: ",
     "another kind, or none"),
    ({"linux.devices": [{"type": "c", "path": "relative", "major": 1, "minor": 3}]},
     "linux.devices[0].path: "),
    ({"mounts.0.destination": ""}, "mounts[0].destination: "),
    (filtered([{"index": i, "value": 1, "op": "SCMP_CMP_EQ"} for i in range(7)]),
     "linux.seccomp.syscalls[0].args[6].index: system calls have six arguments"),
]

BAD_TEXTS = [
    (b'{"a": "\\u0000"}', "line 1"),
    (b'{"a": "x\0y"}', "line 1"),
    (b'{"a": "\\udc00"}', "lone low surrogate"),
    (b'{"a": "\\ud800\\u0041"}', "surrogate"),
    (b'{"a": "\xff\xfe"}', "not UTF-8"),
    (b'{"a": "\xc0\xaf"}', "not UTF-8"),
    (b'\xef\xbb\xbf{}', "line 1, column 1"),
    (b'{"a": 1e400}', "too large for a double"),
    (b'{"a": [' * 65, "nested too deeply"),
    (b"[" * MIB, "nested too deeply"),
    (b'{"a":' * MIB, "nested too deeply"),
    (b'{"a": "' + b"x" * (64 * MIB) + b'"}', "larger than 64 MiB"),
    (b" " * (17 * MIB), "where 16777216 are allowed"),
]


class Sizes(Base):
    # Those of the base are run there.
    test_bad_configs_are_refused_by_field = None
    test_bad_texts_are_refused_by_place = None
    test_a_config_that_is_no_file_is_refused = None
    test_a_root_that_may_not_be_entered_is_refused = None
    test_a_config_that_may_not_be_read_is_refused = None
    test_device_rules_hold_or_are_warned_of = None
    test_a_device_rule_says_what_is_meant = None

    def all_refused(self, rows, write):
        for what, *parts in rows:
            with self.subTest(what=str(what)[:100]):
                write(what)
                before = census(self.bundle)
                self.refused(ctr_oci("run", "--bundle", self.bundle, "test"), before, *parts)

    def test_big_and_odd_configs_are_refused_by_field(self):
        self.all_refused(BAD_CONFIGS, self.write)

    def test_odd_bytes_are_refused_by_place(self):
        self.all_refused(BAD_TEXTS, self.path.write_bytes)

    def test_a_million_mounts_are_refused(self):
        """They are more bytes than a config may have; as many as fit are planned, in bounded
        memory."""
        one = '{"destination":"/x","type":"tmpfs"}'
        head, tail = json.dumps({**self.default, "mounts": []}).split('"mounts": []')
        for count in (1_000_000, 400_000):
            self.path.write_text(f'{head}"mounts":[{",".join([one] * count)}]{tail}')
            result = ctr_oci("explain", "--bundle", self.bundle)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            self.assertLess(peak, 2 * MIB, "KiB")
            if count == 1_000_000:
                self.assertEqual(result.returncode, 1)
                self.assertIn("where 16777216 are allowed", result.stderr)
            else:
                self.assertEqual(result.returncode, 0, result.stderr[-200:])
                self.assertEqual(result.stdout.count("mount tmpfs on /x"), count)

    def test_annotations_of_a_mebibyte_are_taken(self):
        result = self.run_bundle({"annotations": {"a": "x" * MIB}})
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_minus_zero_is_zero(self):
        """It is a number (RFC 8259, section 6) and no other than 0."""
        self.default["process"]["args"] = ["/probe", "self"]
        self.default["process"]["user"]["uid"] = 12345
        text = json.dumps(self.default).replace('"uid": 12345', '"uid": -0')
        self.write(text=text)
        result = ctr_oci("run", "--bundle", self.bundle, "test")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("\nuid 0 0 0\n", result.stdout)

    def test_a_config_that_changes_while_it_is_read_is_whole_or_refused(self):
        """Another writes it all the time, longer and shorter: no run does anything but work or say
        what is wrong."""
        whole = json.dumps(self.default).encode()
        longer = whole[:-1] + b',"annotations":{"a":"' + b"x" * (4 * MIB) + b'"}}'
        ended = threading.Event()

        def write():
            while not ended.is_set():
                for text in (whole, longer, b"{", whole[:100]):
                    fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                    os.write(fd, text)
                    os.close(fd)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(60):
                result = ctr_oci("run", "--bundle", self.bundle, "test")
                self.assertIn(result.returncode, (0, 1))
                self.assertEqual(bool(result.returncode), bool(result.stderr), result.stderr[:300])
        finally:
            ended.set()
            writer.join()


del Base
