#!/usr/bin/env python3
"""Runs one Python unittest file and reports as TAP: tap.py FILE [NAME...]

Tests that differences.h has for others are skipped.
"""

import importlib.util
import sys
import unittest
from pathlib import Path

import differences


class Tap(unittest.TestResult):
    count = 0

    def report(self, verdict, test, text="", skip=None):
        self.count += 1
        for line in text.splitlines():
            print(f"# {line}")
        whole, *case = test.id().split(" ", 1)
        name = " ".join([whole.split(".")[-1].removeprefix("test_"), *case])
        print(f"{verdict} {self.count} - {name}" + (f" # SKIP {skip}" if skip else ""), flush=True)

    def addSuccess(self, test):
        self.report("ok", test)

    def addSkip(self, test, reason):
        self.report("ok", test, skip=reason)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.report("not ok", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.report("not ok", test, self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addFailure(subtest, err)


def tests_of(suite):
    for each in suite:
        yield from tests_of(each) if isinstance(each, unittest.TestSuite) else [each]


def excuse(suite, file):
    table = differences.rows()
    for test in tests_of(suite):
        name = test.id().split(".")[-1]
        why = differences.excuse(table, file, name.removeprefix("test_"))
        if why:
            setattr(test, name, unittest.skip(why)(lambda: None))


def main():
    path = Path(sys.argv[1])
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in sys.argv[2:]] or None
    result = Tap()
    suite = loader.loadTestsFromModule(module)
    excuse(suite, f"{path.parent.name}/{path.stem}")
    suite.run(result)
    print(f"1..{result.count}")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
