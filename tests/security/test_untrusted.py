"""What a config of any bytes, and a child that says anything, can do to the caller: nothing but be
refused."""

from hole import Hole


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
