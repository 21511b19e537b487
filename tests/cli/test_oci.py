"""ctr-oci: its commands, options and exit codes."""

import json
import os
import re
import shutil
import unittest

from oci import BUILD, ROOT, TOP, Bundles, ctr_oci, run


class Commands(Bundles):
    def test_run_exits_as_the_container_does(self):
        for code in (0, 1, 42, 255):
            result = self.run_bundle({"process.args": ["/probe", "exit", str(code)]})
            self.assertEqual((result.returncode, result.stdout, result.stderr), (code, "", ""))
        result = self.run_bundle({"process.args": ["/probe", "crash", "now"]})
        self.assertGreater(result.returncode, 128)
        self.assertEqual(result.stderr, "")

    def test_streams_are_inherited(self):
        self.write({"process.args": ["/probe", "echo"]})
        result = ctr_oci("run", "--bundle", self.bundle, "test", stdin="in and out")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "in and out", ""))

    def test_the_bundle_is_the_working_directory_or_an_option(self):
        self.write()
        forms = [["--bundle", str(self.bundle)], [f"--bundle={self.bundle}"],
                 ["-bundle", str(self.bundle)]]
        for form in forms:
            self.assertEqual(ctr_oci("run", *form, "test").returncode, 0)
        self.assertEqual(ctr_oci("run", "test", cwd=self.bundle).returncode, 0)

    def test_a_command_after_two_dashes_replaces_the_programs(self):
        self.write()
        result = ctr_oci("run", "--bundle", self.bundle, "test", "--", "/probe", "exit", "7")
        self.assertEqual(result.returncode, 7)

    def test_the_default_container_needs_no_bundle(self):
        result = ctr_oci("run", "--default", "test", "--", "sh", "-c", "echo $$; hostname; id -u")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "1\nctr\n0\n", ""))

    @unittest.skipUnless(shutil.which("unshare"), "there is no unshare(1)")
    def test_the_default_container_runs_inside_a_user_namespace(self):
        result = run("unshare", "-r", BUILD / "ctr-oci", "run", "--default", "x", "--", "id", "-u")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "0\n", ""))

    def test_a_missing_directory_is_not_made_on_a_read_only_root(self):
        changes = {"root.readonly": True, "process.cwd": "/not/there"}
        result = self.run_bundle(changes)
        self.assertEqual(result.returncode, 1)
        self.assertIn("process.cwd: enter /not/there", result.stderr)
        self.assertFalse((self.bundle / "rootfs/not").exists())

    def test_no_pivot_gives_the_same_container(self):
        self.write({"process.args": ["/probe", "stat", "/../probe"]})
        result = ctr_oci("run", "--bundle", self.bundle, "--no-pivot", "test")
        self.assertIn("/../probe file", result.stdout)

    def test_spec_writes_a_config_that_runs(self):
        self.path.unlink()
        kind = [] if ROOT else ["--rootless"]
        self.assertEqual(ctr_oci("spec", "--bundle", self.bundle, *kind).returncode, 0)
        written = json.loads(self.path.read_text())
        self.assertEqual(written["ociVersion"], "1.3.0")
        self.assertEqual(written["root"], {"path": "rootfs", "readonly": True})
        self.assertEqual("uidMappings" in written["linux"], not ROOT)
        (self.bundle / "rootfs").rename(self.bundle / "other")
        (self.bundle / "rootfs").mkdir()
        for name in ["probe"] + [mount["destination"][1:] for mount in written["mounts"]]:
            target = self.bundle / "rootfs" / name
            if name == "probe":
                os.link(self.bundle / "other/probe", target)
            else:
                target.mkdir(parents=True, exist_ok=True)
        result = ctr_oci("run", "--bundle", self.bundle, "test", "--", "/probe", "make", "/x")
        self.assertEqual((result.returncode, result.stdout), (0, "/x EROFS\n"), result.stderr)

    def test_spec_replaces_nothing(self):
        result = ctr_oci("spec", "--bundle", self.bundle)
        self.assertEqual(result.returncode, 1)
        self.assertIn("File exists", result.stderr)

    def test_explain_prints_each_step_with_field_and_manual_page(self):
        self.write({"hostname": "a-name-to-find"})
        result = ctr_oci("explain", "--bundle", self.bundle)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        lines = result.stdout.splitlines()
        for number, line in enumerate(lines):
            self.assertRegex(line, rf"^ *{number}  (parent|stage|child|both) +\S.*  \[.*\]$")
        self.assertTrue(any("set the host name to a-name-to-find  <- hostname  [sethostname(2)]"
                            in line for line in lines), result.stdout)
        self.assertIn("execute /probe  <- process.args[0]  [execve(2)]", lines[-1])

    def test_explain_does_nothing(self):
        before = sorted(self.bundle.rglob("*"))
        self.write({"root.path": "nowhere"})
        self.assertEqual(ctr_oci("explain", "--bundle", self.bundle).returncode, 0)
        self.assertEqual(sorted(self.bundle.rglob("*")), before)

    def test_version_names_the_specification(self):
        result = ctr_oci("--version")
        self.assertEqual(result.returncode, 0)
        version = re.search(r"ctr\.h - v([\d.]+) ", (TOP / "ctr.h").read_text()).group(1)
        self.assertEqual(result.stdout.splitlines()[0], f"ctr-oci version {version}")
        self.assertIn("spec: 1.3.0", result.stdout)

    def test_help_lists_every_command(self):
        result = ctr_oci("--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for command in ("run", "spec", "explain"):
            self.assertIn(f"\n  {command} ", result.stdout)
            self.assertIn("--bundle DIR", ctr_oci(command, "--help").stdout)

    def test_wrong_usage_is_told(self):
        for args, part in (([], "usage:"), (["frobnicate"], "no command 'frobnicate'"),
                           (["run"], "needs an ID"), (["run", "--nonsense", "x"], "nonsense"),
                           (["spec", "extra"], "one operand too many"),
                           (["run", "--bundle"], "bundle")):
            result = ctr_oci(*args, cwd=self.bundle)
            self.assertNotEqual(result.returncode, 0, args)
            self.assertEqual(result.stdout, "")
            self.assertIn(part, result.stderr)


class Examples(unittest.TestCase):
    def test_hello_runs(self):
        result = run(BUILD / "hello")
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (0, "hello from ctr, I am pid 1\n", ""))

    def test_capture_feeds_and_collects(self):
        result = run(BUILD / "capture", "awk", "{ print $1 * $2 }", stdin="6 7\n")
        self.assertEqual((result.returncode, result.stdout), (0, "42\n"))
        self.assertIn("3 bytes of stdout, 0 bytes of stderr, exit code 0", result.stderr)

    def test_capture_reports_code_and_signal(self):
        result = run(BUILD / "capture", "sh", "-c", "echo oops >&2; exit 3")
        self.assertEqual(result.returncode, 3)
        self.assertIn("oops\n", result.stderr)
        self.assertIn("exit code 3", result.stderr)
        result = run(BUILD / "capture", "sh", "-c", "sh -c 'kill -9 $$'; exit $?")
        self.assertEqual(result.returncode, 137)
        result = run(BUILD / "capture", "no-such-program")
        self.assertEqual(result.returncode, 1)
        self.assertIn("executable file not found in $PATH", result.stderr)

    def test_capture_survives_64_mib_on_each_stream(self):
        size = 64 << 20
        program = f"head -c {size} /dev/zero >&2 & head -c {size} /dev/zero; wait"
        result = run(BUILD / "capture", "sh", "-c", program)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(len(result.stdout), size)
        self.assertIn(f"{size} bytes of stdout, {size} bytes of stderr, exit code 0",
                      result.stderr[-200:])

    def test_capture_feeds_more_than_a_pipe_holds(self):
        text = "x" * (1 << 20)
        result = run(BUILD / "capture", "cat", stdin=text)
        self.assertEqual(result.stdout, text)
        result = run(BUILD / "capture", "true", stdin=text)
        self.assertEqual(result.returncode, 0)
        late = "exec >&- 2>&-; cat >/dev/null; exit 4"  # closes its outputs, then reads
        self.assertEqual(run(BUILD / "capture", "sh", "-c", late, stdin=text).returncode, 4)

    def test_the_main_job_shows_a_container(self):
        # `make run` with what is built already: a stranger's first command.
        makefile = (TOP / "Makefile").read_text()
        self.assertIn("ctr-oci run --default demo", makefile)
        result = run("make", "-s", "-C", TOP, "-o", BUILD / "ctr-oci", f"BUILD={BUILD}", "run")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("pid 1, uid 0, host ctr", result.stdout)
        self.assertIn("the root is read-only", result.stdout)
        self.assertRegex(result.stdout, r"/proc proc\n")
