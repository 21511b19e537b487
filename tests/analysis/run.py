#!/usr/bin/env python3
"""Static analysis: clang-tidy (.clang-tidy), cppcheck (cppcheck.txt) and gcc -fanalyzer.

    tests/analysis/run.py            all three, as many at a time as there are CPUs
    tests/analysis/run.py cppcheck   one of them

What is found is shown, and is a failure; so is a tool that is missing. The library is read from its
parts (library.c), the examples with the library left out: it has been looked at. ctr-oci, which
uses the library's own tables, is read with it, without following its paths. The tests are
cppcheck's alone: they are run under the sanitizers and valgrind.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
HERE = "tests/analysis"
LIBRARY = f"{HERE}/library.c"
EXAMPLES = sorted(f"examples/{p.name}" for p in (TOP / "examples").glob("*.c"))
TESTS = sorted(p.relative_to(TOP).as_posix() for layer in ("unit", "container", "bench")
               for p in (TOP / "tests" / layer).glob("*.c"))
WITHOUT_LIBRARY = "-DCTR_IMPLEMENTATION_INCLUDED"

# The functions of an included file are followed as well; a fourth of the default's nodes finds the
# same in half the time.
FOLLOW = ("-Xclang", "-analyzer-opt-analyze-headers",
          "-Xclang", "-analyzer-config", "-Xclang", "max-nodes=60000")
TIDY = ("clang-tidy", "--quiet", "--warnings-as-errors=*")

# One configuration: that of this machine, as what it is told of libc's macros.
CPPCHECK = ("cppcheck", "--quiet", "--std=c11", "--library=posix,gnu", "--error-exitcode=1",
            f"--suppressions-list={HERE}/cppcheck.txt", "-D__linux__", "-D__x86_64__",
            "-D_GNU_SOURCE", "-DO_PATH", "-DCLONE_NEWNS")
STYLE, NO_STYLE = "--enable=warning,style,performance,portability", \
    "--enable=warning,performance,portability"

# All that -fanalyzer has in gcc 12 but what it cannot do: follow what realloc(3) returns into a
# struct (examples/capture.c). Leaks are clang's and valgrind's to find. With its own limits it takes
# 11 GB for the library, with these a sixth.
GCC = ("gcc", "-std=gnu11", "-O0", "-fanalyzer", "--param", "analyzer-bb-explosion-factor=1",
       "--param", "analyzer-max-enodes-per-program-point=4", "-Werror", "-c", "-o", os.devnull)


def commands():
    """Those that take longest first."""
    yield (*GCC, "-Isrc", LIBRARY)
    yield (*TIDY, "--header-filter=src/", LIBRARY, "--", "-std=gnu11", "-Isrc", *FOLLOW)
    yield (*CPPCHECK, NO_STYLE, WITHOUT_LIBRARY, *TESTS)
    yield (*CPPCHECK, STYLE, "-Isrc", LIBRARY)
    yield (*CPPCHECK, STYLE, WITHOUT_LIBRARY, *EXAMPLES)
    for example in EXAMPLES:
        whole = example.endswith("/oci.c")
        flags = () if whole else (WITHOUT_LIBRARY, "-D_GNU_SOURCE")
        yield (*TIDY, "--header-filter=examples/", example, "--", "-std=gnu11", "-I.", *flags,
               *(() if whole else FOLLOW))
        if not whole:
            yield (*GCC, "-Wno-analyzer-malloc-leak", "-I.", *flags, example)


def run(command):
    began = time.monotonic()
    try:
        result = subprocess.run(command, cwd=TOP, text=True, capture_output=True, errors="replace",
                                check=False)
        said, status = result.stdout + result.stderr, result.returncode
    except FileNotFoundError:
        said, status = f"{command[0]} is not installed\n", 127
    what = next(word for word in command if word.endswith(".c"))
    what = f"{len(TESTS)} tests" if what in TESTS else what
    print(f"{'not ok' if status else 'ok'} - {command[0]} {what} "
          f"({time.monotonic() - began:.0f} s)\n{said if status else ''}", end="", flush=True)
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tools", nargs="*", help="clang-tidy, cppcheck, gcc")
    tools = parser.parse_args().tools
    chosen = [c for c in commands() if not tools or c[0] in tools]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = sum(map(bool, pool.map(run, chosen)))
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
