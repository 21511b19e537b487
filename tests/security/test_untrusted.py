"""What a config of any bytes, and a child that says anything, can do to the caller: nothing but be
refused."""

import subprocess

from hole import Hole, compiled
from lifecycle import DEADLINE


class Config_of_any_bytes(Hole):
    """A config that is nested deeper than there is room for makes the runtime write elsewhere."""

    without = [("  if (r->depth == r->depth_max)\n", "  if (false)\n")]

    def attack(self):
        for text in (b"[" * 1_000_000, b'{"a":' * 1_000_000):
            self.path.write_bytes(text)
            result = self.runtime("run", "--bundle", self.bundle, "one")
            if result.returncode < 0:
                return f"killed by signal {-result.returncode}"
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn("nested too deeply", result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1)
        return None


class Child(Hole):
    """A child, or who has taken it over, that says something else than what is due: in the channel,
    or in the page that it shares."""

    @staticmethod
    def that(does):
        """A hostile child: the parent is the one that is tried."""
        due = "  ctr__message message = {.type = exchange->request};\n"
        return [(due, f"{due}  if (exchange->request) {{ {does}; }}\n")]

    def attack(self):
        self.write()
        result = self.runtime("create", "--bundle", self.bundle, "one")
        if result.returncode <= 0:
            return f"status {result.returncode}"  # of a signal, or taken for a success
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("the process", result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1)
        self.assert_nothing_left("one")
        return None


class Child_that_reports_no_step(Child):
    """What it says has failed is no step of the plan: what lies behind that is read."""

    already = Child.that("message = (ctr__message){.type = CTR__MSG_ERROR, .step = 1U << 30, "
                         ".error = EPERM}")
    without = [("message->type == CTR__MSG_ERROR && message->step < s->plan->step_count &&",
                "message->type == CTR__MSG_ERROR &&")]


class Child_that_asks_for_no_step(Child):
    """The same of what the parent is to open for it."""

    already = Child.that("message = (ctr__message){.type = CTR__MSG_OPEN, .step = 1U << 30}")
    without = [("index < s->next_source || index >= s->plan->step_count) return NULL;",
                "index < s->next_source) return NULL;")]


class Child_that_dies_at_no_step(Child):
    """The same of where it was, which it notes in the page."""

    already = Child.that("c->launch->shared->step = 1U << 30; _exit(1)")
    without = [("  if (at < s->plan->step_count) ctr__text_step(", "  ctr__text_step(")]


class Child_that_has_made_no_step(Child):
    """The same of what is to be taken away again after it."""

    already = Child.that("c->launch->shared->made[0].step = 1U << 30; "
                         "c->launch->shared->made[0].end = 1; c->launch->shared->made_count = 1; "
                         "_exit(1)")
    without = [("index < plan->step_count ? ctr__plan_step(plan, index) : NULL;",
                "ctr__plan_step(plan, index);")]


class Child_out_of_order(Child):
    """Something else than what is due is taken for it."""

    already = Child.that("message.type = CTR__MSG_READY")
    without = [("if (r == 0 && type && message->type == type) return CTR_OK;",
                "if (r == 0 && type) return CTR_OK;")]


class Child_of_another_start(Hole):
    """Who says which process was cloned names another child of the caller's, which is taken for it:
    it gets into the container's cgroups, and is waited for, or killed."""

    already = [("  const ctr__message message = {.type = CTR__MSG_PID, .value = pid};\n",
                "  const ctr__message message = {.type = CTR__MSG_PID, .value = ctr_others};\n"
                "  pidfd = (int)CTR__CALL(CTR__SYS_pidfd_open, ctr_others, 0);\n"),
               ("static int ctr__stage_clone(", "static pid_t ctr_others;\n"
                "static int ctr__stage_clone("),
               ("  if (argc < 4) return 2;\n", "  if (argc < 4) return 2;\n"
                "  ctr_others = vfork();\n  if (ctr_others == 0) _exit(execl(\"/bin/sh\", \"sh\", "
                "\"-c\", \"exec >&- 2>&-; read x; exit 42\", NULL));\n", "tests/security/joiner.c")]
    without = [("return (stat.flags & CTR__PF_FORKNOEXEC) && stat.start_time >= since;",
                "return true;")]

    def attack(self):
        self.start("one")
        program = compiled(self.changes, "tests/security/joiner.c")
        joiner = subprocess.Popen([program, self.root, "one", "/probe", "self"], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.addCleanup(joiner.kill)
        ran = joiner.stdout.readline()
        said = joiner.communicate("\n", DEADLINE)[1]
        if joiner.returncode != 1:
            return ran, joiner.returncode
        self.assertIn("is not what was cloned", said)
        return None

    def try_without(self, *changes):
        self.changes = changes  # of the joiner: others are made as ever
        return self.attack()
