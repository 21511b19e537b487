#!/usr/bin/env python3
"""Runs the fuzzers of this folder, and says how often each was run and what it has found.

    tests/fuzz/run.py --build build --seconds 60            each so long, all of them
    tests/fuzz/run.py --build build --runs 100000 json      one of them, so often
    tests/fuzz/run.py --build build --afl --seconds 60      by AFL++
    tests/fuzz/run.py --build build --coverage              what the inputs kept so far reach

The Makefile builds them. What they start from: corpus/NAME, the configs that real tools write where
those lie beside the tree, and what earlier runs have kept in BUILD/fuzz/corpus/NAME. Words to put
into inputs come from the library's own tables. A finding is a file in BUILD/fuzz/findings, to be
given to BUILD/fuzz/NAME: its cure is a fix, a unit test and a file more in corpus/NAME.
"""

import argparse
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUNDLES = TOP.parent / "shared/bundles"
NAMES = sorted(path.stem for path in HERE.glob("*.c"))
# Whose words are worth trying, and the bytes that a config is preceded by.
CONFIG = ["config/table.c", "config/names.c", "plan/options.c", "plan/made.c"]
WORDS = {"json": [], "config": CONFIG, "plan": CONFIG, "state": CONFIG + ["container/store.c"],
         "options": ["plan/options.c", "plan/mount.c"], "idmap": ["config/subids.c"],
         "stats": ["cgroup/stats.c"], "procfs": ["parent/visible.c", "plan/hierarchies.c"],
         "cmdline": ["../examples/oci.c", "../examples/oci/update.h", "../examples/oci/signals.h"]}
BEFORE_CONFIG = {"json": [b"\0"], "config": [b"\0", b"\1"],
                 "plan": [bytes([machine, goal, 0, 3, 0]) for machine in (0, 1, 5)
                          for goal in (0, 1, 3)]}
LONGEST = {"config": 16384, "plan": 16384, "state": 16384, "json": 4096}
JSON = {"config", "plan", "state"}
TELLING = re.compile(r"not so:|ERROR|error:|^ +#\d+ |SUMMARY|Test unit|No such")
SLOW = 20  # seconds for one input: a hang


def words(name):
    """Strings and names of members that stand in the sources."""
    found = set()
    for path in WORDS.get(name, []):
        text = (TOP / "src" / path).read_text()
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        found |= set(re.findall(r'"([\w.:=/<>,-]{2,40})"', text))
        found |= set(re.findall(r"CTR__FIELD\(\w+, (\w+?)_?,", text))
        found |= set(re.findall(r"\{CTR_(\w+)|CTR__NAME\((\w+)\)", text) and
                     [a or b for a, b in re.findall(r"\{CTR_(\w+)|CTR__NAME\((\w+)\)", text)])
    quoted = {f'\\"{word}\\"' for word in found} if name in JSON else set()
    return sorted(quoted or found)


class Fuzzer:
    def __init__(self, name, args):
        self.name, self.args = name, args
        self.room = args.build / "fuzz"
        self.program = self.room / (f"afl-{name}" if args.afl else name)
        self.kept = self.room / "corpus" / name
        self.seeds = self.room / "seeds" / name
        self.findings = self.room / "findings"
        for folder in (self.kept, self.seeds, self.findings):
            folder.mkdir(parents=True, exist_ok=True)
        self.dictionary = self.room / f"{name}.dict"

    def prepare(self):
        self.dictionary.write_text("".join(f'"{word}"\n' for word in words(self.name)))
        for bundle in sorted(BUNDLES.glob("*.json")) if BUNDLES.is_dir() else []:
            for n, before in enumerate(BEFORE_CONFIG.get(self.name, [])):
                (self.seeds / f"{bundle.stem}-{n}").write_bytes(before + bundle.read_bytes())

    def corpora(self):
        return [self.kept, *(f for f in (HERE / "corpus" / self.name, self.seeds) if f.is_dir())]

    def command(self):
        bound = f"-runs={self.args.runs}" if self.args.runs else \
            f"-max_total_time={self.args.seconds}"
        dictionary = [f"-dict={self.dictionary}"] if words(self.name) else []
        return [self.program, bound, f"-max_len={LONGEST.get(self.name, 2048)}", "-verbosity=1",
                f"-timeout={SLOW}", "-rss_limit_mb=2048", "-print_final_stats=1",
                *dictionary, f"-artifact_prefix={self.findings}/{self.name}-", *self.corpora()]

    def run(self):
        """How many executions, and whether all was well."""
        self.prepare()
        said = subprocess.run([str(c) for c in self.command()], capture_output=True, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, env=environment())
        runs = re.findall(r"number_of_executed_units: (\d+)", said.stderr)
        covered = re.findall(r"cov: (\d+)", said.stderr)
        line = f"{self.name:10} {int(runs[-1]) if runs else 0:>10} executions" \
               f" {covered[-1] if covered else '?':>6} edges"
        if said.returncode == 0:
            return int(runs[-1]), line
        tail = "\n".join([x for x in said.stderr.splitlines() if TELLING.search(x)][:16])
        return 0, f"{line}\n{tail}\n{self.name}: FOUND SOMETHING, see {self.findings}"

    # -- AFL++ --

    def run_afl(self):
        self.prepare()
        out = self.room / "afl" / self.name
        first = self.room / "afl-seeds" / self.name
        for folder in (out, first):
            folder.mkdir(parents=True, exist_ok=True)
        (first / "empty").write_bytes(b"{}")
        for folder in self.corpora()[1:]:
            for path in folder.iterdir():
                (first / path.name).write_bytes(path.read_bytes())
        dictionary = ["-x", self.dictionary] if self.dictionary.read_text() else []
        command = ["afl-fuzz", "-V", self.args.seconds, "-t", "5000", "-m", "none", "-i", first,
                   "-o", out, *dictionary, "--", self.program]
        quiet = {"ASAN_OPTIONS": "abort_on_error=1:symbolize=0", "AFL_NO_UI": "1",
                 "AFL_SKIP_CPUFREQ": "1", "AFL_NO_AFFINITY": "1",
                 "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1"}
        said = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                              errors="replace", stdin=subprocess.DEVNULL,
                              env={**environment(), **quiet})
        stats = out / "default/fuzzer_stats"
        text = stats.read_text() if stats.is_file() else ""
        found = {key: int(value) for key, value in re.findall(r"^(\w+)\s*: (\d+)$", text, re.M)}
        runs = found.get("execs_done", 0)
        bad = found.get("saved_crashes", 0) + found.get("saved_hangs", 0)
        line = f"{self.name:10} {runs:>10} executions by AFL++"
        if runs and not bad:
            return runs, line
        return 0, f"{line}\n{said.stdout[-2000:]}\n{self.name}: FOUND SOMETHING, see {out}/default"


def environment():
    return {**os.environ, "LC_ALL": "C", "UBSAN_OPTIONS": "print_stacktrace=1",
            "ASAN_OPTIONS": "abort_on_error=1:symbolize=1:detect_stack_use_after_return=1"}


def coverage(args):
    """By file of src/, from programs made with -fprofile-instr-generate -fcoverage-mapping."""
    room = args.build / "fuzz"
    profiles, objects = [], []
    for name in args.names:
        fuzzer = Fuzzer(name, args)
        fuzzer.prepare()
        program, profile = room / f"cov-{name}", room / f"{name}.profraw"
        subprocess.run([program, "-runs=0", *fuzzer.corpora()], check=True, capture_output=True,
                       env={**environment(), "LLVM_PROFILE_FILE": str(profile)})
        profiles.append(profile)
        objects += ["-object", program]
    merged = room / "all.profdata"
    subprocess.run(["llvm-profdata", "merge", "-sparse", *profiles, "-o", merged], check=True)
    sources = sorted(TOP.glob("src/*/*.c"))
    subprocess.run(["llvm-cov", "report", f"-instr-profile={merged}", *objects[1:],
                    "-show-region-summary=false", "-show-branch-summary=false", *sources],
                   check=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=TOP / "build")
    parser.add_argument("--seconds", type=int, default=60, help="for each of them")
    parser.add_argument("--runs", type=int, default=0, help="for each of them, instead of seconds")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    parser.add_argument("--afl", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("names", nargs="*", default=[])
    args = parser.parse_args()
    args.build = args.build.resolve()
    args.names = args.names or NAMES
    unknown = set(args.names) - set(NAMES)
    if unknown:
        parser.error(f"no such fuzzer: {', '.join(sorted(unknown))}")
    if args.coverage:
        return coverage(args)
    total, failed, printing = 0, 0, threading.Lock()
    os.nice(10)

    def one(name):
        nonlocal total, failed
        fuzzer = Fuzzer(name, args)
        runs, line = fuzzer.run_afl() if args.afl else fuzzer.run()
        with printing:
            total, failed = total + runs, failed + (not runs)
            print(line, flush=True)

    with ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(one, args.names))
    print(f"{total} executions, {failed} of {len(args.names)} fuzzers with a finding")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
