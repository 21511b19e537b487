"""examples/judge.c: the verdicts of an online judge, from one run of a program each."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import differences
from oci import BUILD, run

EATER = "./eater"  # in the directory that the judge is run in
LINE = re.compile(r"^cpu: ([\d.]+) s   wall: ([\d.]+) s   memory: ([\d.]+) MiB   "
                  r"output: (\d+) bytes$")


class Judged(unittest.TestCase):
    def setUp(self):
        self.before = self.left()

    def tearDown(self):
        self.assertEqual(self.left(), self.before)

    def left(self):
        """What a judge could leave behind."""
        return (sorted(Path("/tmp").glob("judge.*")),
                sorted(Path("/sys/fs/cgroup").glob("**/ctr-judge-*")))

    def judge(self, *words, stdin=""):
        """The verdict, what was used, and what came out."""
        result = run(BUILD / "judge", *words, stdin=stdin, cwd=BUILD / "container")
        *said, verdict, line = result.stderr.splitlines()
        self.assertTrue(verdict.startswith("verdict: "), result.stderr)
        verdict = verdict.removeprefix("verdict: ")
        self.assertEqual(result.returncode, verdict != "ok", result.stderr)
        cpu, wall, memory, output = map(float, LINE.match(line).groups())
        self.assertEqual(output, len(result.stdout) + sum(len(text) + 1 for text in said))
        return verdict, {"cpu": cpu, "wall": wall, "memory": memory}, result.stdout

    def test_a_program_that_does_its_task(self):
        verdict, used, said = self.judge("--", "sh", "-c", "read a b; echo $((a + b))",
                                         stdin="5 7\n")
        self.assertEqual((verdict, said), ("ok", "12\n"))
        self.assertTrue(0 < used["cpu"] <= 2 and 0 < used["memory"] < 256, used)

    def test_an_exit_code(self):
        self.assertEqual(self.judge("--", "sh", "-c", "exit 7")[0], "exit code 7")
        self.assertEqual(self.judge("--", "sh", "-c", "exit 255")[0], "exit code 255")

    def test_a_signal(self):
        """Also one of its own, which the first process of a pid namespace would not feel."""
        for number in (6, 11, 9):
            self.assertEqual(self.judge("--", "sh", "-c", f"kill -{number} $$")[0],
                             f"signal {number}")

    def test_time_on_the_wall(self):
        verdict, used, _ = self.judge("--wall", "0.3", "--", "sleep", "1000")
        self.assertEqual(verdict, "time limit")
        self.assertGreaterEqual(used["wall"], 0.3)

    def test_time_of_a_cpu(self):
        """Of all its processes together."""
        verdict, used, _ = self.judge("--wall", "60", "--cpu", "0.3", "--", "sh", "-c",
                                      f"{EATER} cpu & {EATER} cpu & wait")
        self.assertEqual(verdict, "time limit")
        self.assertGreaterEqual(used["cpu"], 0.3)

    def test_memory(self):
        verdict, used, said = self.judge("--memory", "16", "--", EATER, "memory", "64")
        self.assertEqual(verdict, "memory limit")
        self.assertTrue(8 < used["memory"] <= 16, used)
        self.assertIn("took 8\n", said)
        self.assertEqual(self.judge("--memory", "16", "--", EATER, "memory", "8")[0], "ok")

    def test_output(self):
        verdict, _, said = self.judge("--output", "64", "--", "yes")
        self.assertEqual((verdict, len(said)), ("output limit", 64 << 10))

    def test_processes(self):
        verdict, _, said = self.judge("--wall", "0.5", "--processes", "10", "--", EATER, "forks",
                                      "100")
        self.assertEqual((verdict, said), ("time limit", "made 9\n"))

    def test_two_at_once(self):
        both = [subprocess.Popen([BUILD / "judge", "--", "sh", "-c", "read line; echo $line"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, cwd="/", text=True) for _ in range(2)]
        self.assertEqual([judge.communicate("hello\n")[0] for judge in both], ["hello\n"] * 2)

    def test_nobody_reads_what_it_says(self):
        judge = subprocess.Popen([BUILD / "judge", "--wall", "0.5", "--", "yes"], cwd="/",
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        self.assertIn("verdict: time limit", judge.stderr.read())  # it waits for nobody
        judge.stdout.close()
        judge.stderr.close()
        self.assertEqual(judge.wait(), 1)

    def test_what_it_leaves_running_is_ended(self):
        verdict, _, said = self.judge("--", "sh", "-c", "sleep 1000 & sleep 1000 & echo done")
        self.assertEqual((verdict, said), ("ok", "done\n"))

    def test_it_can_change_nothing(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            target = Path(folder) / "written"
            verdict, _, said = self.judge("--", "sh", "-c", "echo x >/tmp/there && cat /tmp/there; "
                                          f"echo x >here; echo x >{target}")
            self.assertEqual(said, "x\n")
            self.assertNotEqual(verdict, "ok")
            written = [target, Path("/tmp/there"), BUILD / "container/here"]
            self.assertEqual([path for path in written if path.exists()], [])

    def test_what_cannot_be_judged(self):
        for words in ([], ["--"], ["sh"], ["--cpu", "--", "sh"], ["--cpu", "0", "--", "sh"],
                      ["--cpu", "x", "--", "sh"], ["--memory", "0.5", "--", "sh"],
                      ["--days", "1", "--", "sh"]):
            result = run(BUILD / "judge", *words)
            self.assertEqual((result.returncode, result.stdout), (2, ""), words)
            self.assertIn("usage: judge", result.stderr)
        result = run(BUILD / "judge", "--", "/no/such/program")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("judge: process.args[0]: find the program /no/such/program", result.stderr)


class Unlimited(unittest.TestCase):
    def test_without_limits_nothing_is_judged(self):
        result = run(BUILD / "judge", "--", "sh")
        if {"memory", "pids"} <= {*(differences.given_controllers() or [])}:
            self.assertEqual(result.returncode, 0, result.stderr)
        else:
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("judge: linux.resources.memory.limit: ", result.stderr)
