/* The terminal: made inside the container, from its own devpts, its other end handed out. */

static void ctr__plan_console(ctr__builder *b, bool as_dev_console) {
  const ctr_process_config *process = &b->config->process;
  if (!process->terminal) return;
  ctr__child_step(b, CONSOLE, .field = "process.terminal", .str = {"/dev/console"},
                  .num = {process->consoleSize.height.value, process->consoleSize.width.value,
                          process->user.uid, as_dev_console});
  ctr__parent_step(b, TAKE_CONSOLE, .field = "process.terminal");
}
