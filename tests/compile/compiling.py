"""What the tests of this folder share: compilers, a fresh folder, many compiles at a time."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = Path(os.environ.get("CTR_TOP") or HERE.parents[1]).resolve()

# What a careful project compiles with. What only C knows is apart.
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wsign-conversion",
          "-Wundef", "-Wcast-qual", "-Wvla", "-Werror")
STRICT_C = (*STRICT, "-Wstrict-prototypes", "-Wmissing-prototypes")
C_COMPILERS = {"gcc": "gcc", "clang": "clang", "musl": "musl-gcc"}
IMPLEMENTATION = '#define CTR_IMPLEMENTATION\n#include "ctr.h"\n'


def run(command, cwd, **more):
    env = {**os.environ, "LC_ALL": "C", **more.pop("env", {})}
    return subprocess.run([str(c) for c in command], cwd=cwd, env=env, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, capture_output=True, check=False, **more)


def all_at_once(function, items):
    """The results of function(item), in order, as many at a time as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))


def each(**values):
    """Makes a test method one test per value: test_x(self, value) becomes test_x_KEY(self)..."""
    def mark(function):
        function.values = values
        return function
    return mark


def expand(cls):
    """The class decorator that goes with each()."""
    for name, function in list(vars(cls).items()):
        for key, value in getattr(function, "values", {}).items():
            setattr(cls, f"{name}_{key}", lambda self, f=function, v=value: f(self, v))
        if hasattr(function, "values"):
            delattr(cls, name)
    return cls


class CompileTest(unittest.TestCase):
    """A test in a folder that has nothing but ctr.h in it: what a user copies is all there is."""

    maxDiff = None

    def setUp(self):
        self.room = Path(tempfile.mkdtemp(prefix="compile."))
        self.addCleanup(shutil.rmtree, self.room, ignore_errors=True)
        shutil.copy(TOP / "ctr.h", self.room)

    def need(self, *programs):
        for program in programs:
            if not shutil.which(program):
                self.skipTest(f"no {program} here")

    def write(self, name, text):
        path = self.room / name
        path.write_text(text, encoding="utf-8")
        return path

    def bring(self, name):
        """A helper source that lies beside this file."""
        return Path(shutil.copy(HERE / name, self.room))

    def knows(self, compiler, standard):
        language = "c++" if "++" in standard else "c"
        return run([compiler, f"-std={standard}", "-x", language, "-fsyntax-only", "/dev/null"],
                   self.room).returncode == 0

    def compile(self, compiler, *arguments):
        return run([compiler, *arguments, "-I."], self.room)

    def object(self, compiler, source, *arguments):
        """Compiles, which must succeed, and returns the object file."""
        path = self.room / f"{Path(source).stem}.{compiler}.o"
        result = self.compile(compiler, *arguments, "-c", source, "-o", path)
        self.assertEqual(result.returncode, 0, result.stderr)
        return path

    def assert_all_compile(self, commands):
        """Each command is (compiler, argument...); warnings count as failures."""
        def attempt(command):
            result = self.compile(*command)
            bad = result.returncode != 0 or result.stderr.strip()
            return f"$ {' '.join(map(str, command))}\n{result.stderr}" if bad else ""
        complaints = [c for c in all_at_once(attempt, commands) if c]
        if complaints:
            self.fail(f"{len(complaints)} of {len(commands)} do not compile cleanly; the first:\n"
                      + complaints[0][:6000])


def symbols(path, *options):
    """[(letter, name)] as nm(1) gives them; fortified names under their plain ones."""
    listing = run(["nm", *options, path], path.parent).stdout
    found = re.findall(r"^(?:[0-9a-f]+)? +([A-Za-z]) (\S+)$", listing, re.M)
    return [(letter, re.sub(r"^__(?:isoc\d+_)?([a-z]\w*?)(?:_chk)?$", r"\1", name)
             if re.search(r"_chk$|^__isoc", name) else name) for letter, name in found]


def imports(path):
    return {name for _, name in symbols(path, "-u")} - {"_GLOBAL_OFFSET_TABLE_"}


def references(path):
    """{name: names}: which function or table of an object refers to which others. Compiled with
    SECTIONS each has a section of its own."""
    found, names = {}, set()
    for line in run(["readelf", "-rW", path], path.parent).stdout.splitlines():
        section = re.match(r"Relocation section '\.rela?(\.\S+)'", line)
        if section:
            names = found.setdefault(plain_name(section.group(1)), set())
        elif re.match(r"[0-9a-f]{8}", line):
            names.add(plain_name(line.split()[4]))
    return found


SECTIONS = ("-ffunction-sections", "-fdata-sections")


def plain_name(section):
    return re.sub(r"^\.(text|data\.rel\.ro\.local|data\.rel\.ro|data|rodata)\.", "", section)


def public_functions():
    """The names that src/api declares."""
    text = "".join(p.read_text(encoding="utf-8") for p in sorted((TOP / "src/api").glob("*.h")))
    return set(re.findall(r"^CTR_API [^;(]*?\b(ctr_\w+)\(", text, re.M))
