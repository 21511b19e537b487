"""ctr-oci: its commands, options and exit codes."""

import json
import os
import re
import resource
import shutil
import tempfile
import unittest

from oci import BUILD, DELETE, ROOT, STATES, TOP, Bundles, ctr_oci, run

MAP = [{"containerID": 0, "hostID": 1000, "size": 5}]  # of a mount


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
                 ["-bundle", str(self.bundle)], [f"-bundle={self.bundle}"],
                 ["-b", str(self.bundle)], [f"-b={self.bundle}"],
                 ["-b", "/nowhere", "-no-subreaper", "--no-pivot=false", "-b", str(self.bundle)]]
        for form in forms:
            for args in ([*form, "test"], ["test", *form], [*form, "--", "test"]):
                result = ctr_oci("run", *args)
                self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""),
                                 args)
        self.assertEqual(ctr_oci("run", "test", cwd=self.bundle).returncode, 0)

    def test_a_command_after_two_dashes_replaces_the_programs(self):
        self.write()
        for dashes in ([], ["--"]):
            result = ctr_oci("run", "--bundle", self.bundle, *dashes, "test", "--", "/probe", "exit",
                             "7")
            self.assertEqual(result.returncode, 7)

    def test_the_default_container_needs_no_bundle(self):
        result = ctr_oci("run", "--default", "test", "--", "sh", "-c", "echo $$; hostname; id -u")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "1\nctr\n0\n", ""))

    def test_the_default_container_lives_with_a_lower_limit_of_its_callers(self):
        """What may not be raised again is left as it is."""
        def lower():
            resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
        result = ctr_oci("run", "--default", "test", "--", "sh", "-c", "ulimit -n; ulimit -Hn",
                         preexec_fn=lower)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "200\n200\n", ""))

    @unittest.skipUnless(shutil.which("unshare"), "there is no unshare(1)")
    def test_the_default_container_runs_inside_a_user_namespace(self):
        result = run("unshare", "-r", BUILD / "ctr-oci", "--root", STATES, "run", "--default", "x",
                     "--", "id", "-u")
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
        version = re.search(r"ctr\.h - v([\d.]+) ", (TOP / "ctr.h").read_text()).group(1)
        for option in ("--version", "-v"):
            result = ctr_oci(option)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            first, commit, spec = result.stdout.splitlines()
            self.assertEqual((first, spec), (f"ctr-oci version {version}", "spec: 1.3.0"))
            self.assertTrue(commit.startswith("commit: "))


COMMANDS = ("create start run exec state kill pause resume update events delete list ps spec explain "
            "features completion").split()

# The command line of every engine that there is, as cli-compat.md has them.
OPTIONS = {
    "create": "bundle b console-socket pid-file pidfd-socket no-pivot no-new-keyring preserve-fds",
    "run": "bundle b console-socket pid-file pidfd-socket no-pivot no-new-keyring preserve-fds "
           "detach d keep no-subreaper default",
    "exec": "process p cwd env e tty t user u additional-gids g cap c no-new-privs detach d "
            "pid-file console-socket pidfd-socket preserve-fds ignore-paused process-label "
            "apparmor cgroup",
    "kill": "all a", "delete": "force f", "list": "format f quiet q", "ps": "format f",
    "events": "interval stats",
    "update": "resources r blkio-weight cpu-burst cpu-idle cpu-period cpu-quota cpu-rt-period "
              "cpu-rt-runtime cpu-share cpuset-cpus cpuset-mems kernel-memory kernel-memory-tcp "
              "memory memory-reservation memory-swap pids-limit",
    "spec": "bundle b rootless", "explain": "bundle b default no-pivot rights presets",
}
GLOBALS = "root log log-format debug systemd-cgroup cgroup-manager rootless version v help h"


def names_in(text):
    """The options that a help has, letters and names."""
    found = re.findall(r"^  (?:-(\w), |    )--([\w-]+)", text, re.M)
    return {name for pair in found for name in pair if name}


class Help(unittest.TestCase):
    def test_lists_every_command_and_global_option(self):
        for option in ("--help", "-h", "-help"):
            result = ctr_oci(option)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            for command in COMMANDS:
                self.assertRegex(result.stdout, rf"(?m)^  {command} +\S")
            self.assertEqual(names_in(result.stdout), set(GLOBALS.split()))

    def test_of_a_command_lists_its_options(self):
        for command in COMMANDS:
            for option in ("--help", "-h"):
                result = ctr_oci(command, option)
                self.assertEqual((result.returncode, result.stderr), (0, ""), command)
                self.assertIn(f" {command} [OPTION...]", result.stdout)
                self.assertEqual(names_in(result.stdout),
                                 {"help", "h", *OPTIONS.get(command, "").split()}, command)

    def test_lines_fit_a_terminal(self):
        for args in ([], *([command] for command in COMMANDS)):
            for line in ctr_oci(*args, "--help").stdout.splitlines():
                self.assertLessEqual(len(line), 120)

    def test_commands_that_do_not_exist_have_none(self):
        """podman takes a runtime for one that can checkpoint when this succeeds."""
        for command in ("checkpoint", "restore", "frobnicate"):
            result = ctr_oci(command, "--help")
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn(f"no command '{command}'", result.stderr)


class Usage(unittest.TestCase):
    def wrong(self, *args):
        result = ctr_oci(*args, cwd="/")
        self.assertEqual((result.returncode, result.stdout), (2, ""), args)
        self.assertRegex(result.stderr, r"^ctr-oci: [^\n]*\n$")
        return result.stderr

    def test_wrong_words_are_told(self):
        for args, part in (
                ([], "usage: "), (["frobnicate"], "no command 'frobnicate'"),
                (["--frobnicate", "list"], "unknown option --frobnicate"),
                (["run"], "run needs an ID"), (["run", "--"], "run needs an ID"),
                (["kill"], "kill needs an ID"), (["exec"], "exec needs an ID"),
                (["run", "--nonsense", "x"], "unknown option --nonsense"),
                (["delete", "x", "-z"], "unknown option -z"),
                (["spec", "extra"], "spec: 'extra' is one operand too many"),
                (["state", "a", "b"], "state: 'b' is one operand too many"),
                (["kill", "a", "TERM", "b"], "kill: 'b' is one operand too many"),
                (["run", "a", "sh"], "run: 'sh' is one operand too many"),
                (["run", "--", "a", "sh"], "run: 'sh' is one operand too many"),
                (["explain", "sh"], "explain: 'sh' is one operand too many"),
                (["run", "--bundle"], "option --bundle requires an argument"),
                (["run", "-b"], "option --bundle requires an argument"),
                (["--root"], "option --root requires an argument"),
                (["list", "--format", "xml"], "--format: 'xml' is not supported: use table|json"),
                (["list", "-f", "tab"], "use table|json"), (["list", "-f="], "use table|json"),
                (["--log-format=yaml", "list"], "use text|json"),
                (["--cgroup-manager", "systemd", "list"], "use cgroupfs|disabled"),
                (["delete", "--force=perhaps", "x"], "use true|false"),
                (["completion"], "completion needs bash")):
            with self.subTest(args=args):
                self.assertIn(part, self.wrong(*args))

    def test_numbers_are_digits(self):
        for number in ("", "-1", "+1", " 1", "1 ", "0x1", "1.0", "1e3", "2147483648",
                       "18446744073709551617"):
            with self.subTest(number=number):
                self.assertIn("use a number", self.wrong("create", "--preserve-fds", number, "x"))

    def test_the_systemd_manager_is_refused(self):
        result = ctr_oci("--systemd-cgroup", "list")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("not supported: use the cgroupfs manager", result.stderr)

    def test_what_engines_say_besides_is_taken(self):
        result = ctr_oci("--rootless=auto", "--cgroup-manager", "disabled", "--debug",
                         "--log-format", "json", "list", "-q")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_other_shells_are_refused(self):
        result = ctr_oci("completion", "zsh")
        self.assertEqual((result.returncode, result.stdout), (1, ""))


@unittest.skipUnless(shutil.which("bash"), "there is no bash")
class Completion(unittest.TestCase):
    """The script in bash itself, asked as bash asks it."""

    def complete(self, *words):
        """What could stand where the last word is, which bash has split at "=", too."""
        script = ctr_oci("completion", "bash")
        self.assertEqual((script.returncode, script.stderr), (0, ""))
        line = " ".join(f"'{word}'" for word in ("ctr-oci", *words))
        result = run("bash", "--norc", "-c",
                     f"set -eu; PATH={BUILD}:$PATH; {script.stdout}\nset +eu\n"
                     f"COMP_WORDS=({line}); COMP_CWORD={len(words)}\n_ctr_oci\n"
                     'printf "%s\\n" "${COMPREPLY[@]}"', cwd=TOP)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return set(result.stdout.split())

    def test_commands_and_global_options(self):
        self.assertEqual(self.complete("st"), {"start", "state"})
        self.assertEqual({word for word in self.complete("") if word[0] != "-"}, set(COMMANDS))
        self.assertEqual(self.complete("--log"), {"--log", "--log-format"})
        self.assertEqual(self.complete("--log", "x", "--root", "=", "/y", "res"), {"resume"})

    def test_options_of_a_command(self):
        for command in COMMANDS:
            names = {"help", "h", *OPTIONS.get(command, "").split()}
            self.assertEqual(self.complete(command, "-"),
                             {f"--{n}" if len(n) > 1 else f"-{n}" for n in names}, command)

    def test_arguments(self):
        self.assertEqual(self.complete("list", "--format", ""), {"table", "json"})
        self.assertEqual(self.complete("list", "--format", "=", "j"), {"json"})
        self.assertEqual(self.complete("list", "--format", "="), {"table", "json"})
        self.assertEqual(self.complete("--log-format", "te"), {"text"})
        self.assertEqual(self.complete("run", "--bundle", "test"), {"tests"})
        self.assertEqual(self.complete("exec", "-p", "READ"), {"README.md"})
        self.assertEqual(self.complete("exec", "--user", ""), set())
        self.assertEqual(self.complete("completion", ""), {"--help", "-h", "bash"})


class Features(Bundles):
    def setUp(self):
        super().setUp()
        result = ctr_oci("features")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.features = json.loads(result.stdout)
        self.linux = self.features["linux"]

    def explains(self, changes):
        self.write(changes)
        return ctr_oci("explain", "--bundle", self.bundle).returncode == 0

    def test_has_the_form_of_the_schema(self):
        """features-schema.json and features-linux.json of the specification."""
        for key in ("ociVersionMin", "ociVersionMax"):
            self.assertRegex(self.features[key], r"^\d+\.\d+\.\d+$")
        for names in (self.features["hooks"], self.features["mountOptions"],
                      self.linux["namespaces"], self.linux["capabilities"],
                      self.features["potentiallyUnsafeConfigAnnotations"]):
            self.assertTrue(all(isinstance(name, str) for name in names))
            self.assertEqual(len(names), len(set(names)))
        self.assertTrue(all(re.match("^CAP_[A-Z_]+$", name) for name in self.linux["capabilities"]))
        self.assertTrue(all(isinstance(v, bool) for v in self.linux["cgroup"].values()))
        for key in ("seccomp", "apparmor", "selinux", "intelRdt", "netDevices"):
            self.assertIs(type(self.linux[key]["enabled"]), bool)
        seccomp = self.linux["seccomp"]
        for key, form in (("actions", "SCMP_ACT_[A-Z_]+"), ("operators", "SCMP_CMP_[A-Z_]+"),
                          ("archs", "SCMP_ARCH_[A-Z0-9_]+"),
                          ("knownFlags", "SECCOMP_FILTER_FLAG_[A-Z_]+"),
                          ("supportedFlags", "SECCOMP_FILTER_FLAG_[A-Z_]+")):
            self.assertTrue(seccomp[key])
            for name in seccomp[key]:
                self.assertRegex(name, f"^{form}$")
        self.assertLessEqual(set(seccomp["supportedFlags"]), set(seccomp["knownFlags"]))
        self.assertIs(type(self.linux["mountExtensions"]["idmap"]["enabled"]), bool)
        self.assertRegex(self.features["annotations"]["ctr.landlock.abi"], r"^\d+$")

    def test_annotations_that_change_what_is_done_are_named(self):
        """features.md, "Unsafe annotations in config.json"."""
        values = {"ctr.landlock": ('{"scoped":["frobnicate"]}',
                                   '{"scoped":["signal"],"bestEffort":true}'),
                  "ctr.seccomp": ("lax", "strict")}
        self.assertEqual(self.features["potentiallyUnsafeConfigAnnotations"], list(values))
        for name, (wrong, right) in values.items():
            self.assertFalse(self.explains({"annotations": {name: wrong}}))
            self.assertTrue(self.explains({"annotations": {name: right}}))

    def test_landlock_in_the_readme_is_taken(self):
        readme = (TOP / "README.md").read_text(encoding="utf-8")
        text = re.search(r'```json\n({"handledAccessFs".*?)```', readme, re.DOTALL).group(1)
        names = re.search(r"`handledAccessFs`, `pathBeneath` \| `([a-z_ ]+)`", readme).group(1)
        for more in ({}, {"handledAccessFs": names.split()}):
            value = json.dumps({**json.loads(text), "bestEffort": True, **more})
            self.assertTrue(self.explains({"annotations": {"ctr.landlock": value}}))

    def test_mount_options_are_those_that_are_taken(self):
        self.assertIn("rro", self.features["mountOptions"])  # CRI-O looks for it
        for option in self.features["mountOptions"]:
            mount = {"destination": "/x", "type": "tmpfs", "source": "x", "options": [option]}
            if option in ("idmap", "ridmap"):
                if not ROOT:
                    continue  # not everybody may ask for that
                mount |= {"uidMappings": MAP, "gidMappings": MAP}
            if option == "tmpupper":
                mount |= {"type": "overlay", "options": [option, "lowerdir=/"]}
            if option in ("bind", "rbind"):
                mount |= {"type": "bind", "source": "/"}
            self.assertTrue(self.explains({"mounts.9": mount}), option)

    def test_hooks_are_those_that_are_taken(self):
        for hook in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart",
                     "poststop"):
            self.assertEqual(self.explains({"hooks": {hook: [{"path": "/x"}]}}),
                             hook in self.features["hooks"], hook)

    def test_what_is_disabled_is_refused(self):
        for feature, changes in (
                (self.linux["seccomp"], {"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW"},
                                         "annotations": {}}),
                (self.linux["apparmor"], {"process.apparmorProfile": "x"}),
                (self.linux["selinux"], {"process.selinuxLabel": "x"}),
                (self.linux["intelRdt"], {"linux.intelRdt": {}}),
                (self.linux["netDevices"], {"linux.netDevices": {"eth0": {}}})):
            with self.subTest(changes=changes):
                self.write(changes)
                says = ctr_oci("explain", "--bundle", self.bundle).stderr
                # a label of its module, where the machine has that
                self.assertEqual("this version of ctr.h" not in says, feature["enabled"], says)

    def test_supported_flags_are_those_that_are_taken(self):
        profile = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/s", "syscalls": [
            {"names": ["dup"], "action": "SCMP_ACT_NOTIFY"}]}
        for flag in self.linux["seccomp"]["knownFlags"]:
            self.assertEqual(self.explains({"linux.seccomp": {**profile, "flags": [flag]},
                                            "annotations": {}}),
                             flag in self.linux["seccomp"]["supportedFlags"], flag)

    def test_ids_of_mounts_are_mapped_for_who_may(self):
        self.assertTrue(self.linux["mountExtensions"]["idmap"]["enabled"])
        changes = {"mounts.0.uidMappings": MAP, "mounts.0.gidMappings": MAP}
        self.assertEqual(self.explains(changes), ROOT)

    def test_namespaces_and_capabilities_are_known(self):
        names = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"]
        self.assertEqual(set(self.linux["namespaces"]), set(names))
        uid, gid = ([{"containerID": 0, "hostID": own, "size": 1}]
                    for own in (os.geteuid(), os.getegid()))
        self.assertTrue(self.explains({
            "linux.namespaces": [{"type": name} for name in self.linux["namespaces"]],
            "linux.uidMappings": uid, "linux.gidMappings": gid, "mounts.2": DELETE,
            "process.capabilities": {"bounding": self.linux["capabilities"]}}))


class Log(Bundles):
    def setUp(self):
        super().setUp()
        self.log = self.bundle / "log"
        self.write({"process.cwd": 'rel"\tä'})

    def failing(self, *options):
        result = ctr_oci("--log", self.log, *options, "run", "--bundle", self.bundle, "x")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertRegex(result.stderr, r"^ctr-oci: process\.cwd: [^\n]*\n$")
        return result.stderr.removeprefix("ctr-oci: ").strip()

    def test_text(self):
        message = self.failing()
        line = self.log.read_text()
        self.assertRegex(line, r'^time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=error msg=".*"\n$')
        self.assertEqual(json.loads(line.partition("msg=")[2]), message)

    def test_json_one_object_a_line_appended(self):
        self.log.write_text("what was there\n")
        message = self.failing("--log-format", "json")
        self.failing("--log-format=json")
        before, first, second = self.log.read_text().splitlines()
        self.assertEqual(before, "what was there")
        for line in (first, second):
            record = json.loads(line)
            self.assertEqual((list(record), record["level"], record["msg"]),
                             (["level", "msg", "time"], "error", message))

    def test_mode(self):
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.failing()
        self.assertEqual(self.log.stat().st_mode & 0o777, 0o644)

    def test_usage_is_logged(self):
        ctr_oci("--log", self.log, "frobnicate")
        self.assertIn("no command 'frobnicate'", self.log.read_text())

    def test_what_is_not_utf8_is_still_json(self):
        ctr_oci("--log", self.log, "--log-format", "json", "delete", b"a\xff\n\x1b\"b".decode(
            errors="surrogateescape"))
        ctr_oci("--log", self.log, "--log-format", "json", b"a\xff\n\x1b\"\xc3\xa4".decode(
            errors="surrogateescape"))
        messages = [json.loads(line)["msg"] for line in self.log.read_text().splitlines()]
        self.assertEqual(len(messages), 2)
        self.assertIn("no command 'a???\"ä'", messages[1])

    def test_without_a_file_json_is_on_stderr(self):
        result = ctr_oci("--log-format", "json", "frobnicate")
        self.assertEqual(json.loads(result.stderr)["level"], "error")

    def test_success_says_nothing(self):
        self.write()
        result = ctr_oci("--log", self.log, "run", "--bundle", self.bundle, "x")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        self.assertEqual(self.log.read_text(), "")

    def test_a_log_that_cannot_be_written_is_told(self):
        result = ctr_oci("--log", self.bundle / "no/such/log", "list")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("No such file or directory", result.stderr)

    def test_closed_standard_streams_are_not_taken_for_it(self):
        self.write()
        result = run("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", BUILD / "ctr-oci", "--root",
                     self.bundle / "states", "--log", self.log, "run", "--bundle", self.bundle,
                     "x", "--", "/probe", "self")
        self.assertEqual((result.returncode, self.log.read_text()), (0, ""))


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
        with tempfile.TemporaryDirectory() as states:
            result = run("make", "-s", "-C", TOP, "-o", BUILD / "ctr-oci", f"BUILD={BUILD}", "run",
                         env={**os.environ, "XDG_RUNTIME_DIR": states, "MAKEFLAGS": ""})
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("pid 1, uid 0, host ctr", result.stdout)
        self.assertIn("the root is read-only", result.stdout)
        self.assertRegex(result.stdout, r"/proc proc\n")
