#!/usr/bin/env python3
"""Makes ctr.h out of src/: inlines every #include "..." where it stands.

    tools/amalgamate.py            write ctr.h
    tools/amalgamate.py --check    exit 1 and show the difference when ctr.h is stale
    tools/amalgamate.py -o FILE    write somewhere else

The root, src/ctr.h, has three placeholders: the version, the table of contents, the licence.
The result depends on the sources alone: no date, no path of this machine.
"""

import argparse
import difflib
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
SOURCE = TOP / "src"
INCLUDE = re.compile(r'^#include "([^"]+)"')
VERSION = re.compile(r"^#define CTR_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", re.M)
WIDTH = 100


class Amalgamation:
    def __init__(self, source):
        self.source = source
        self.seen = []
        self.sections = []

    def banner(self, name):
        self.sections.append(name)
        return f"/* ==== [SECTION] {name} ".ljust(WIDTH - 3, "=") + " */\n"

    def inline(self, name, depth=0):
        """The lines of one file with its own includes inlined; a part (not an index) gets a banner."""
        path = self.source / name
        if not path.is_file():
            raise SystemExit(f"amalgamate: no such file: src/{name}")
        if name in self.seen:
            raise SystemExit(f"amalgamate: src/{name} is included a second time")
        self.seen.append(name)
        text = path.read_bytes().decode()
        if "\r" in text or not text.endswith("\n"):
            raise SystemExit(f"amalgamate: src/{name}: lines must end in LF, the last one too")
        if depth == 2:
            yield self.banner(name)
        for number, line in enumerate(text.splitlines(keepends=True), 1):
            include = INCLUDE.match(line)
            if not include:
                yield line
                continue
            if depth == 2:
                raise SystemExit(f"amalgamate: src/{name}:{number}: a part includes nothing of ours")
            yield from self.inline(include.group(1), depth + 1)

    def result(self):
        body = "".join(self.inline("ctr.h"))
        parts = {p.relative_to(self.source).as_posix() for p in self.source.rglob("*.[ch]")}
        if unused := sorted(parts - set(self.seen)):
            raise SystemExit(f"amalgamate: included by nothing: {', '.join(unused)}")
        version = ".".join(VERSION.findall((self.source / "api/version.h").read_text()))
        contents = "\n".join(f"     [SECTION] {name}" for name in self.sections)
        licence = (TOP / "LICENSE").read_text(encoding="utf-8").rstrip()
        filled = {"@VERSION@": version, "@CONTENTS@": contents, "@LICENCE@": licence}
        for placeholder, text in filled.items():
            body = body.replace(placeholder, text, 1)
        return re.sub(r"\n{3,}", "\n\n", body)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 when stale")
    parser.add_argument("--source", type=Path, default=SOURCE, help="the folder with the parts")
    parser.add_argument("-o", "--output", type=Path, default=TOP / "ctr.h")
    args = parser.parse_args()
    text = Amalgamation(args.source).result()
    if not args.check:
        args.output.write_text(text, encoding="utf-8", newline="\n")
        return 0
    committed = args.output.read_bytes().decode() if args.output.exists() else ""
    difference = difflib.unified_diff(
        committed.splitlines(keepends=True), text.splitlines(keepends=True),
        f"{args.output.name} (as it stands)", f"{args.output.name} (from src/)")
    sys.stdout.writelines(difference)
    if committed != text:
        print("ctr.h is stale: run tools/amalgamate.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
