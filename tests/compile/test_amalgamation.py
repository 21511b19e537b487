"""tools/amalgamate.py: ctr.h is what src/ says, byte for byte, wherever and whenever it is made."""

import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from compiling import TOP, run


class Amalgamation(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.room = Path(tempfile.mkdtemp(prefix="amalgamation."))
        self.addCleanup(shutil.rmtree, self.room, ignore_errors=True)
        self.tree = self.copy("tree")
        self.header = self.tree / "ctr.h"

    def copy(self, name):
        tree = self.room / name
        tree.mkdir(parents=True)
        for part in ("src", "tools"):
            shutil.copytree(TOP / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("ctr.h", "LICENSE"):
            shutil.copy(TOP / part, tree)
        return tree

    def tool(self, *arguments, tree=None, cwd=None, env=None):
        tree = tree or self.tree
        return run([sys.executable, tree / "tools/amalgamate.py", *arguments], cwd or self.room,
                   env=env or {})

    def edit(self, name, old, new):
        path = self.tree / name
        text = path.read_bytes()
        self.assertIn(old.encode(), text)
        path.write_bytes(text.replace(old.encode(), new.encode(), 1))

    def assert_stale(self, *shown):
        before = self.header.read_bytes() if self.header.exists() else None
        result = self.tool("--check")
        self.assertNotEqual(result.returncode, 0, "--check saw no difference")
        self.assertIn("stale", result.stderr)
        for text in shown:
            self.assertIn(text, result.stdout)
        after = self.header.read_bytes() if self.header.exists() else None
        self.assertEqual(after, before, "--check has written")

    def assert_refused(self, *named):
        """Fails, says in one line what is wrong where, and leaves the old header alone."""
        before = self.header.read_bytes()
        for arguments in ((), ("--check",)):
            result = self.tool(*arguments)
            self.assertNotEqual(result.returncode, 0, "it was accepted")
            self.assertNotIn("Traceback", result.stderr)
            for text in named:
                self.assertIn(text, result.stderr)
        self.assertEqual(self.header.read_bytes(), before)

    # -- fresh or stale --

    def test_the_committed_header_is_what_src_says(self):
        result = run([sys.executable, TOP / "tools/amalgamate.py", "--check"], self.room)
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)

    def test_a_change_in_the_header_is_shown(self):
        self.edit("ctr.h", "CTR_E_PROTOCOL,", "CTR_E_PROTO,")
        self.assert_stale("\n-  CTR_E_PROTO,", "\n+  CTR_E_PROTOCOL,")

    def test_a_change_in_a_part_is_shown(self):
        self.edit("src/child/exec.c", "\n", "\n/* news */\n")
        self.assert_stale("\n+/* news */\n")

    def test_a_change_of_the_licence_is_shown(self):
        with open(self.tree / "LICENSE", "a", encoding="utf-8") as file:
            file.write("And be kind.\n")
        self.assert_stale("+And be kind.")

    def test_a_change_of_the_version_is_shown(self):
        self.edit("src/api/version.h", "#define CTR_VERSION_MINOR ", "#define CTR_VERSION_MINOR 7")
        self.assert_stale("\n-/* ctr.h - v", "\n+/* ctr.h - v")

    def test_a_line_added_at_the_end_is_noticed(self):
        with open(self.header, "a", encoding="utf-8") as file:
            file.write("\n")
        self.assert_stale()

    def test_other_line_ends_in_the_header_are_noticed(self):
        self.header.write_bytes(self.header.read_bytes().replace(b"\n", b"\r\n"))
        self.assert_stale()

    def test_a_missing_header_is_noticed(self):
        self.header.unlink()
        self.assert_stale("+#ifndef CTR_H_INCLUDED")

    def test_writing_makes_it_fresh_again(self):
        self.edit("src/child/exec.c", "\n", "\n/* news */\n")
        self.assertEqual(self.tool().returncode, 0)
        self.assertIn("/* news */", self.header.read_text(encoding="utf-8"))
        result = self.tool("--check")
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    # -- the same everywhere --

    def test_place_time_and_locale_change_nothing(self):
        with open(self.tree / "src/child/exec.c", "a", encoding="utf-8") as file:
            file.write("/* what only UTF-8 can say: … */\n")
        self.tool()
        other = self.room / "another place" / "tree"
        shutil.copytree(self.tree, other, copy_function=shutil.copyfile)
        bare = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
                "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "PYTHONDONTWRITEBYTECODE": "1"}
        result = self.tool("-o", self.room / "out.h", tree=other, cwd=other / "src", env=bare)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.room / "out.h").read_bytes(), self.header.read_bytes())

    def test_nothing_of_this_machine_is_in_it(self):
        text = self.header.read_text(encoding="utf-8")
        self.assertNotIn(str(TOP), text)
        self.assertNotIn("\r", text)
        self.assertTrue(text.endswith("*/\n"))

    # -- what the header says about itself --

    def test_every_part_is_in_it_once_in_the_order_of_the_contents(self):
        text = self.header.read_text(encoding="utf-8")
        listed = re.findall(r"^ +\[SECTION\] (\S+)$", text, re.M)
        banners = re.findall(r"^/\* ==== \[SECTION\] (\S+) =+ \*/$", text, re.M)
        parts = [p.relative_to(TOP / "src").as_posix() for p in (TOP / "src").glob("*/*.[ch]")]
        self.assertEqual(listed, banners)
        self.assertEqual(sorted(banners), sorted(parts))

    def test_version_and_licence_are_filled_in(self):
        text = self.header.read_text(encoding="utf-8")
        number = re.findall(r"^#define CTR_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", text, re.M)
        self.assertTrue(text.startswith(f"/* ctr.h - v{'.'.join(number)} - "))
        self.assertIn((TOP / "LICENSE").read_text(encoding="utf-8").strip(), text)
        self.assertEqual(re.findall(r"@[A-Z]+@", text), [])

    # -- what it refuses --

    def test_an_unknown_include_is_named(self):
        self.edit("src/base.h", '#include "base/sys.c"', '#include "base/system.c"')
        self.assert_refused("src/base/system.c")

    def test_a_double_include_is_named(self):
        self.edit("src/config.h", '#include "config/read.c"',
                  '#include "config/read.c"\n\n#include "base/sys.c"')
        self.assert_refused("src/base/sys.c", "second time")

    def test_an_index_that_includes_itself_is_named(self):
        self.edit("src/base.h", '#include "base/sys.c"', '#include "base.h"')
        self.assert_refused("src/base.h", "second time")

    def test_a_part_that_includes_another_is_named(self):
        self.edit("src/child/exec.c", "\n", '\n#include "child/state.c"\n')
        self.assert_refused("src/child/exec.c:2")

    def test_an_unused_part_is_named(self):
        shutil.copy(self.tree / "src/child/exec.c", self.tree / "src/child/forgotten.c")
        self.assert_refused("child/forgotten.c")

    def test_other_line_ends_in_a_part_are_named(self):
        path = self.tree / "src/child/exec.c"
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        self.assert_refused("src/child/exec.c", "LF")

    def test_a_missing_last_newline_is_named(self):
        path = self.tree / "src/child/exec.c"
        path.write_bytes(path.read_bytes().rstrip(b"\n"))
        self.assert_refused("src/child/exec.c")


if __name__ == "__main__":
    unittest.main()
