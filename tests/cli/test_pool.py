"""examples/pool.c: counts that are right, limits that are kept, and nothing left, however it ends."""

import os
import pty
import re
import resource
import signal
import subprocess
import unittest

from lifecycle import DEADLINE, adopt_orphans, children, descendants, process_state, until
from oci import BUILD, run

POOL = BUILD / "pool"


def shell(script):
    return ["--", "sh", "-c", script]


def counts(summary):
    """{"ok": 180, …}: the number that follows each name."""
    return {name: int(number) for name, number in re.findall(r"^(\w+(?: \w+)?) +(\d+)", summary,
                                                             re.MULTILINE)}


def read_terminal(master):
    """What is written to a terminal, until nobody has it open any more: EIO, pty(7)."""
    try:
        while True:
            yield os.read(master, 65536).decode()
    except OSError:
        return


def limit_files(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Pool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        adopt_orphans()  # whom the pool leaves behind, dead or alive, we find among our children

    def setUp(self):
        self.addCleanup(self.end_all)
        self.addCleanup(lambda: self.assertEqual(children(os.getpid()), [], "left by the pool"))

    def end_all(self):
        """After a failure: the next test is not to find what this one has left."""
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        until(self.reaped, "what was killed has ended")

    def reaped(self):
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        return False

    def pool(self, *args, **kwargs):
        result = run(POOL, *args, **kwargs)
        return result, counts(result.stdout)

    def begin(self, *args, **kwargs):
        """A pool that is not waited for yet."""
        process = subprocess.Popen([POOL, *args], stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def sleeping(self, process, count):
        """Whether it has so many children, all of which have become sleep."""
        def names():
            for pid in children(process.pid):
                try:
                    with open(f"/proc/{pid}/cmdline", encoding="ascii") as file:
                        yield file.read()
                except (FileNotFoundError, ProcessLookupError):
                    yield ""
        return [*names()] == ["sleep\0001000\0"] * count

    def end(self, process, signum):
        process.send_signal(signum)
        out, err = process.communicate(timeout=DEADLINE)
        return process.returncode, counts(out), err


class Counts(Pool):
    def test_every_job_runs_once_and_knows_its_number(self):
        result, found = self.pool("-j", "50", "-n", "200", *shell("echo job $JOB >&2; exit $JOB"))
        self.assertEqual((found["jobs"], found["failed"], found["not started"]), (200, 200, 0))
        self.assertEqual(found["output"], sum(len(f"job {n}\n") for n in range(1, 201)))
        self.assertRegex(result.stderr, r"pool: job (\d+), the first that failed: "
                                        r"exit status \1\njob \1\n")

    def test_jobs_that_fail_are_told_from_those_that_do_not(self):
        result, found = self.pool("-j", "50", "-n", "200", *shell("exit $((JOB % 10 == 0))"))
        self.assertEqual(result.returncode, 1)
        self.assertEqual({**found, "peak": 0, "starts": 0, "wall time": 0},
                         {"jobs": 200, "ok": 180, "failed": 20, "not started": 0, "killed": 0,
                          "not begun": 0, "output": 0, "peak": 0, "starts": 0, "wall time": 0})
        self.assertEqual(result.stderr.count("pool:"), 1, result.stderr)

    def test_all_is_well_when_every_job_is(self):
        result, found = self.pool("-j", "10", "-n", "30", "true")
        self.assertEqual((result.returncode, found["ok"], found["jobs"]), (0, 30, 30))
        self.assertRegex(result.stderr, r"\A(\d+ of 30 done, \d+ running, 0 failed\n){2,5}"
                                        r"30 of 30 done, 0 running, 0 failed\n\Z")

    def test_what_does_not_start_is_counted_and_the_first_reason_told(self):
        result, found = self.pool("-j", "10", "-n", "30", "/no/such/program")
        self.assertEqual((result.returncode, found["not started"], found["failed"], found["ok"],
                          found["peak"]), (1, 30, 0, 0, 0))
        told = re.findall(r"^pool: .*", result.stderr, re.MULTILINE)
        self.assertEqual(len(told), 1, result.stderr)
        self.assertRegex(told[0], r"^pool: job 1, .*process\.args\[0\].*/no/such/program.*"
                                  r"No such file or directory$")

    def test_a_wrong_command_line_is_refused(self):
        for wrong in ["-j 0", "-n 0", "-n -3", "-n 5x", "-j 1000001", "-x", "-n"]:
            with self.subTest(wrong):
                result = run(POOL, *wrong.split())
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertIn("usage: pool", result.stderr)


class Streams(Pool):
    def test_more_output_than_pipes_and_buffers_hold_is_read_and_counted(self):
        script = "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"
        _, found = self.pool("-j", "10", "-n", "20", *shell(script))
        self.assertEqual((found["ok"], found["output"]), (20, 20 * 600000))

    def test_memory_does_not_grow_with_the_output(self):
        process = self.begin("-n", "1", *shell("head -c 300000000 /dev/zero"))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(counts(process.stdout.read())["output"], 300000000)
        self.assertLess(usage.ru_maxrss, 100 << 10)  # KiB

    def test_input_is_at_its_end(self):
        _, found = self.pool("-n", "3", "cat", stdin="not for the jobs")
        self.assertEqual((found["ok"], found["output"]), (3, 0))

    def test_a_closed_stdout_is_not_the_end_of_a_job(self):
        _, found = self.pool("-n", "3", *shell("exec >&-; echo late >&2; exit 3"))
        self.assertEqual((found["failed"], found["output"]), (3, 3 * len("late\n")))

    def test_what_a_job_leaves_running_ends_with_it(self):
        _, found = self.pool("-n", "3", *shell("sleep 1000 & echo gone"))
        self.assertEqual((found["ok"], found["output"]), (3, 3 * len("gone\n")))

    def test_progress_is_one_line_on_a_terminal(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        with subprocess.Popen([POOL, "-n", "5", "true"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=slave, text=True) as process:
            os.close(slave)
            said = "".join(read_terminal(master))
            self.assertEqual(counts(process.communicate(timeout=DEADLINE)[0])["ok"], 5)
        self.assertRegex(said, r"\A(\d of 5 done, \d running, 0 failed\x1b\[K\r)+\x1b\[K\Z")


class Limits(Pool):
    def test_a_low_limit_of_descriptors_means_fewer_at_a_time(self):
        result, found = self.pool("-j", "50", "-n", "60", "true", preexec_fn=limit_files(60, 60))
        self.assertEqual((found["ok"], found["not started"]), (60, 0), result.stderr)
        told = re.search(r"^pool: RLIMIT_NOFILE is 60: (\d+) at a time instead of 50$",
                         result.stderr, re.MULTILINE)
        self.assertTrue(told, result.stderr)
        self.assertLessEqual(found["peak"], int(told[1]))

    def test_as_many_as_it_says_fit_into_the_limit(self):
        process = self.begin("-j", "50", "-n", "60", "sleep", "1000",
                             preexec_fn=limit_files(60, 60))
        fits = int(re.search(r"(\d+) at a time", process.stderr.readline())[1])
        until(lambda: self.sleeping(process, fits), f"{fits} jobs at a time")
        _, found, _ = self.end(process, signal.SIGINT)
        self.assertEqual((found["peak"], found["killed"], found["not started"]), (fits, fits, 0))

    def test_the_soft_limit_is_raised_for_the_pool_and_not_for_the_jobs(self):
        process = self.begin("-j", "50", "-n", "50",
                             *shell('test "$(ulimit -Sn)" = 40 && exec sleep 1000'),
                             preexec_fn=limit_files(40, 400))
        until(lambda: self.sleeping(process, 50), "50 jobs at a time")
        _, found, said = self.end(process, signal.SIGINT)
        self.assertEqual((found["killed"], found["failed"], found["not started"]), (50, 0, 0))
        self.assertNotIn("RLIMIT_NOFILE", said)


class Ends(Pool):
    def test_as_many_as_asked_for_run_at_a_time_and_a_signal_ends_them(self):
        for signum in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signum.name):
                process = self.begin("-j", "12", "-n", "50", "sleep", "1000")
                until(lambda: self.sleeping(process, 12), "12 jobs at a time")
                code, found, _ = self.end(process, signum)
                self.assertEqual(code, 128 + signum)
                self.assertEqual((found["peak"], found["killed"], found["not begun"], found["ok"],
                                  found["failed"]), (12, 12, 38, 0, 0))
                self.assertEqual(children(os.getpid()), [])

    def test_a_job_that_is_killed_by_somebody_else_has_failed(self):
        process = self.begin("-n", "1", "sleep", "1000")
        until(lambda: self.sleeping(process, 1), "the job")
        os.kill(children(process.pid)[0], signal.SIGKILL)
        out, err = process.communicate(timeout=DEADLINE)
        self.assertEqual((process.returncode, counts(out)["failed"], counts(out)["killed"]),
                         (1, 1, 0))
        self.assertIn("exit status 137\n", err)

    def test_one_running_job_takes_three_descriptors_whatever_ran_before(self):
        process = self.begin("-j", "20", "-n", "60",
                             *shell("[ $JOB -lt 60 ] || exec sleep 1000"))
        until(lambda: self.sleeping(process, 1), "nothing but the last job runs")
        # ours, the epoll and signalfd, the job's; those of the last that ended may be closed yet
        until(lambda: len(os.listdir(f"/proc/{process.pid}/fd")) == 3 + 2 + 3, "8 descriptors")
        code, found, _ = self.end(process, signal.SIGINT)
        self.assertEqual((code, found["ok"], found["killed"]), (130, 59, 1))

    def test_a_killed_pool_takes_its_jobs_with_it(self):
        process = self.begin("-j", "8", "-n", "8", "sleep", "1000")
        until(lambda: self.sleeping(process, 8), "8 jobs")
        jobs = children(process.pid)
        self.end(process, signal.SIGKILL)
        until(lambda: all(process_state(pid) in (None, "Z", "X") for pid in jobs), "they ended")
        until(self.reaped, "all that was left could be reaped")


if __name__ == "__main__":
    unittest.main()
