"""linux.seccomp compiled by the library itself and by libseccomp: filters with the same answers."""

import shutil
import tempfile
import unittest
from pathlib import Path

from compiling import STRICT_C, TOP, CompileTest, run

PROFILES = sorted((TOP / "tests/profiles").glob("*.json"))
MADE_UP = 12


class Seccomp(CompileTest):
    @classmethod
    def setUpClass(cls):
        cls.built = Path(tempfile.mkdtemp(prefix="seccomp."))
        cls.addClassCleanup(shutil.rmtree, cls.built, ignore_errors=True)
        cls.own, cls.theirs = cls.built / "own", cls.built / "theirs"

    def setUp(self):
        super().setUp()
        self.need("gcc")
        header = self.write("header.c", "#include <seccomp.h>\nint main(void) { return 0; }\n")
        if run(["gcc", header, "-lseccomp", "-o", self.room / "header"], self.room).returncode:
            self.skipTest("no libseccomp-dev here")
        self.bring("seccomp.c")
        (self.room / "filters.h").write_bytes((TOP / "tests/filters.h").read_bytes())
        for program, flags in ((self.own, ()), (self.theirs, ("-DCTR_WITH_LIBSECCOMP", "-lseccomp"))):
            if not program.exists():
                self.done("gcc", "-std=gnu11", "-O1", "-w", "seccomp.c", "-o", program, *flags)

    def done(self, *command):
        result = run(command, self.room)
        self.assertEqual(result.returncode, 0, f"{result.stdout}{result.stderr}")
        return result.stdout

    def compare(self, profile):
        self.done(self.theirs, "write", profile, "filter")
        print(f"# {profile.name}: {self.done(self.own, 'compare', profile, 'filter').strip()}")

    def test_real_profiles_have_the_same_answers(self):
        self.assertGreaterEqual(len(PROFILES), 2)
        for profile in PROFILES:
            with self.subTest(profile=profile.name):
                self.compare(profile)

    def test_made_up_profiles_have_the_same_answers(self):
        for number in range(MADE_UP):
            profile = self.room / f"made-up-{number}.json"
            with self.subTest(profile=profile.name):
                self.done(self.own, "make", profile, number)
                self.compare(profile)

    def test_another_answer_is_noticed(self):
        strict = self.write("strict.json", '{"defaultAction":"SCMP_ACT_ERRNO"}')
        lenient = self.write("lenient.json", '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":'
                             '[{"names":["dup"],"action":"SCMP_ACT_ALLOW"}]}')
        self.done(self.theirs, "write", lenient, "filter")
        result = run([self.own, "compare", strict, "filter"], self.room)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("0x7fff0000", result.stdout)

    def test_both_are_made_without_a_warning(self):
        source = self.bring("implementation.c")
        for flags in (("-O2",), ("-O0",)):
            self.done("gcc", "-std=gnu11", *STRICT_C, *flags, "-DCTR_WITH_LIBSECCOMP", "-c", source,
                      "-o", self.room / "1.o")


if __name__ == "__main__":
    unittest.main()
