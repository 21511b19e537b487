"""Bundles that real tools wrote: as they stand they run or are refused by the right field; and with
what is refused taken out, one field after the other, every one of them runs."""

import copy
import json
import os
import re
import resource
import shutil
import unittest

from oci import DELETE, TOP, Bundles, change, ctr_oci

SHARED = TOP.parent / "shared/bundles"

# The fields that this version does not execute (or this machine cannot give), in the order in
# which they are refused.
REFUSED = {
    "oci-1.3-spec-example": None,  # everything at once: see below
}


def files():
    return sorted(SHARED.glob("*.json")) if SHARED.is_dir() else []


@unittest.skipUnless(files(), "the bundles of shared/ are not here")
class RealBundles(Bundles):
    def load(self, path):
        text = path.read_text().replace("@BUNDLE@", str(self.bundle))
        config = json.loads(text)
        # What the tools gave absolute host paths of their own storage for is made here.
        for mount in config["mounts"]:
            source = mount.get("source", "")
            if source.startswith(str(self.bundle)):
                os.makedirs(os.path.dirname(source), exist_ok=True)
                if not os.path.exists(source):
                    if "." in os.path.basename(source) or mount["destination"].startswith("/etc/"):
                        open(source, "w").close()
                    else:
                        os.mkdir(source)
        for program in ("bin/true", "bin/echo", "bin/sleep", "bin/sh"):
            target = self.bundle / "rootfs" / program
            target.parent.mkdir(exist_ok=True)
            if not target.exists():
                shutil.copy(self.bundle / "rootfs/probe", target)
        return config

    def attempt(self, config):
        config["process"].pop("terminal", None)  # that a foreground run serves: test_terminal.py
        self.path.write_text(json.dumps(config))
        return ctr_oci("run", "--bundle", self.bundle, "test", "--", "/probe", "exit", "0")

    def refusals(self, config):
        """Takes out what is refused until the bundle runs; the fields, in order, and the end."""
        config = copy.deepcopy(config)
        fields = []
        for _ in range(100):
            result = self.attempt(config)
            lines = [line for line in result.stderr.splitlines() if "warning:" not in line]
            line = lines[0] if lines else ""
            match = re.match(r"ctr-oci: ([\w.\[\]]+): "
                             "(this version of ctr.h|this kernel has no |no profile )", line)
            bare = re.match(r"ctr-oci: ([\w.\[\]]+)\.\w+: required", line)  # what is left of its object
            if not match and not bare:
                return fields, result
            field = (match or bare).group(1)
            if match:
                fields.append(field)
            change(config, re.sub(r"\[(\d+)\]", r".\1", field), DELETE)
        self.fail(f"no end of refusals: {fields}")

    def test_bundles_run_but_for_the_fields_that_wait_for_their_issue(self):
        for path in files():
            expected = REFUSED.get(path.stem, [])
            if expected is None:
                continue
            with self.subTest(bundle=path.stem):
                config = self.load(path)
                for limit in config["process"].get("rlimits", []):
                    most = resource.getrlimit(getattr(resource, limit["type"]))[1]
                    if most != resource.RLIM_INFINITY:  # raising it is not everybody's right
                        limit["hard"] = min(limit["hard"], most)
                        limit["soft"] = min(limit["soft"], most)
                fields, result = self.refusals(config)
                self.assertEqual(fields, expected)
                self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)

    def test_rootless_bundles_run_as_an_ordinary_user(self):
        for path in files():
            if "rootless" not in path.stem:
                continue
            with self.subTest(bundle=path.stem):
                config = self.load(path)
                for mapping, own in (("uidMappings", os.geteuid()), ("gidMappings", os.getegid())):
                    for entry in config["linux"].get(mapping, []):
                        entry["hostID"] = own
                fields, result = self.refusals(config)
                self.assertEqual(fields, [])
                self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)

    def test_the_example_of_the_specification_is_refused_by_field(self):
        config = self.load(SHARED / "oci-1.3-spec-example.json")
        fields, result = self.refusals(config)
        for field in ("process.apparmorProfile", "process.selinuxLabel",
                      "linux.mountLabel"):
            self.assertIn(field, fields)
        self.assertEqual(result.returncode, 1)
        print(f"# after {len(fields)} fields were taken out: {result.stderr.strip()}")
