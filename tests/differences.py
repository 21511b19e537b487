"""The first table of differences.h: who runs which tests."""

import fnmatch
import os
import re
from pathlib import Path

TABLE = Path(__file__).with_name("differences.h")
ONLY_AS = "only as "  # how every reason begins that comes from there
TEXT = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'  # one string or several in a row
ROW = re.compile(rf"\bX\({TEXT},\s*{TEXT},\s*{TEXT},\s*{TEXT}\)")


class Row:
    def __init__(self, *texts):
        whole = ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).replace('\\"', '"')
                 for text in texts]
        self.who, self.file, tests, self.why = whole
        self.tests = tests.split()

    def names(self, file, test):
        return file == self.file and any(fnmatch.fnmatchcase(test, each) for each in self.tests)


def rows():
    table = TABLE.read_text().replace("\\\n", "\n").partition("#define DIFFERENT_VALUES")[0]
    return [Row(*match.groups()) for match in ROW.finditer(table)]


def wrong(table, seen):
    """What rows say of tests that are not there. seen: the names of the tests by file; a file that
    was not run is looked for."""
    top = TABLE.parent
    for row in table:
        files = [top / f"{row.file}{suffix}" for suffix in (".c", ".py")]
        if not any(path.exists() for path in files):
            yield f"differences.h: there is no {row.file}"
        for each in row.tests if row.file in seen else []:
            if not fnmatch.filter(seen[row.file], each):
                yield f"differences.h: {row.file} has no test {each}"


# -- for Python tests: as box.h does it for those in C --

def given_controllers():
    place = os.environ.get("CTR_CGROUP")
    return Path(place, "cgroup.controllers").read_text().split() if place else None


def release():
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))


def excuse(table, file, test):
    """Why the one that we are does not run a test; None when they do."""
    root, has_range, given = not os.geteuid(), "CTR_RANGE" in os.environ, given_controllers()
    for row in table:
        if not row.names(file, test):
            continue
        who, *words = row.who.split()
        runs, whom = {
            "root": lambda: (root, "root"),
            "ordinary": lambda: (not root, "an ordinary user"),
            "several-ids": lambda: (root or has_range, "one with several ids"),
            "ranged": lambda: (not root and has_range, "an ordinary user with several ids"),
            "given": lambda: (root or (given is not None and {*words} <= {*given}),
                              "one who was given a cgroup" + " with " * bool(words) +
                              " ".join(words)),
            "since": lambda: (root or release() >= tuple(map(int, words[0].split("."))),
                              f"root, or since Linux {words[0]}"),
        }[who]()
        if not runs:
            return f"{ONLY_AS}{whom}: {row.why}"
    return None
