"""Holes in who a process is: its capabilities, its user, its keys."""

import re

from hole import Hole

NONE = {"0000000000000000"}


class CVE_2022_27650_CVE_2022_29162(Hole):
    """Capabilities are inheritable though nobody asked: a program's file capabilities then give
    more than the container may have."""

    without = [("data[i].inheritable = (uint32_t)(s->num[2] >> 32 * i);",
                "data[i].inheritable = (uint32_t)(s->num[1] >> 32 * i);")]

    def attack(self):
        self.start("one")
        self.default["process"]["args"] = ["/probe", "self"]
        self.write()
        said = self.works("run", "--bundle", self.bundle, "two")
        said += self.works("exec", "one", "/probe", "self")
        found = re.findall(r"^Cap(?:Inh|Amb) (\S+)$", said, re.M)
        self.assertEqual(len(found), 4, said)
        return set(found) - NONE


class CVE_2020_5291(Hole):
    """Capabilities that the start took are still there in the program."""

    without = [("return (int)CTR__CALL(SYS_capset, &head, data);", "return 0;")]

    def attack(self):
        kinds = ("permitted", "effective", "inheritable", "ambient")
        self.default["process"]["capabilities"].update({kind: [] for kind in kinds})
        self.start("one")
        self.write({**self.own_cgroup("two"), "process.args": ["/probe", "self"]})
        said = self.works("run", "--bundle", self.bundle, "two")
        said += self.works("exec", "one", "/probe", "self")
        found = re.findall(r"^Cap(?:Inh|Prm|Eff|Amb) (\S+)$", said, re.M)
        self.assertEqual(len(found), 8, said)
        return set(found) - NONE
