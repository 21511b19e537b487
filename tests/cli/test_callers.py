"""Callers that are not as usual: they ignore their children, are the first of their pid namespace,
have no standard streams, or what they start is killed before it is a program."""

import json
import os
import signal
import unittest

from lifecycle import RUNTIME, Containers
from oci import run

LITTLE = 4096  # bytes of memory: less than any start takes


class Callers(Containers):
    def exits(self, **kwargs):
        self.write({**self.own_cgroup("one"), "process.args": ["/probe", "exit", "7"]})
        result = self.runtime("run", "--bundle", self.bundle, "one", **kwargs)
        self.assertEqual((result.returncode, result.stderr), (7, ""))
        self.assert_nothing_left("one")

    def test_one_that_ignores_its_children_learns_what_became_of_them(self):
        self.exits(preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))

    def test_one_that_blocks_all_signals(self):
        self.exits(preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK,
                                                             signal.valid_signals()))

    def test_one_without_standard_streams(self):
        def close_them():
            for fd in range(3):
                os.close(fd)
        self.write({**self.own_cgroup("one"), "process.args": ["/probe", "exit", "7"]})
        result = self.runtime("run", "--bundle", self.bundle, "one", preexec_fn=close_them)
        self.assertEqual(result.returncode, 7)
        self.assert_nothing_left("one")

    def test_one_whose_terminal_has_hung_up(self):
        for terminal in (False, True):
            master, ours = os.openpty()
            os.close(master)
            self.write({**self.own_cgroup("one"), "process.terminal": terminal,
                        "process.args": ["/probe", "exit", "7"]})
            result = self.runtime("run", "--bundle", self.bundle, "one", stdin=ours, stdout=ours)
            os.close(ours)
            self.assertEqual((terminal, result.returncode, result.stderr), (terminal, 7, ""))
            self.assert_nothing_left("one")

    def test_the_first_process_of_a_pid_namespace(self):
        self.write({**self.own_cgroup("one"), "process.args": ["/probe", "exit", "7"]})
        result = run("unshare", "--pid", "--fork", "--mount-proc", RUNTIME, "--root",
                     self.root, "run", "--bundle", self.bundle, "one")
        self.assertEqual((result.returncode, result.stderr), (7, ""))
        self.assert_nothing_left("one")

    def test_root_of_a_user_namespace_and_of_nothing_else(self):
        """Of the mount namespace no mount can be copied, and groups cannot be let go of."""
        own = ["unshare", "--user", "--map-root-user"]
        self.path.unlink(missing_ok=True)
        result = run(*own, RUNTIME, "spec", "--rootless", "--bundle", self.bundle)
        self.assertEqual(result.returncode, 0, result.stderr)
        config = json.loads(self.path.read_text())
        config["process"].update(args=["/probe", "wait"], terminal=False)
        self.path.write_text(json.dumps(config))
        result = run(*own, "sh", "-c", '''
            "$0" --root "$1" run --bundle "$2" --detach one &&
            "$0" --root "$1" exec one /probe exit 7 </dev/null; code=$?
            "$0" --root "$1" delete --force one; exit $code''',
                     RUNTIME, self.root, self.bundle)
        self.assertEqual((result.returncode, result.stderr), (7, ""))
        self.assert_nothing_left("one")

    def test_a_start_that_has_no_memory_says_so(self):
        self.write({**self.own_cgroup("one"), "linux.resources.memory.limit": LITTLE})
        result = self.runtime("run", "--bundle", self.bundle, "one")
        if "memory.limit" in result.stderr:
            self.skipTest("this hierarchy has no memory controller")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("memory", result.stderr)
        self.assert_nothing_left("one")


if __name__ == "__main__":
    unittest.main()
