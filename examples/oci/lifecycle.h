/* A container's life: create, run, start, state, kill, pause, resume, delete. */

/* Returns the config with what we add, or NULL after a message. */
static ctr_config *describe(options *o, bool detached, ctr_container_desc *desc) {
  ctr_config *config = load_config(o);
  if (!config) return NULL;
  const char *notify_socket = getenv("NOTIFY_SOCKET");
  *desc = (ctr_container_desc){.root = o->root, .plan = plan_options(o)};
  if (notify_socket && *notify_socket) desc->notify_socket = notify_socket;
  desc->plan.die_with_caller = !detached;
  if (describe_process(o, &config->process, detached, &desc->process)) return NULL;
  return config;
}

/* A container that is not as was asked for is none: it is taken away. */
static int discard(options *o, ctr_container *container) {
  ctr_err err;
  if (ctr_container_delete(container, true, &err)) fail_err(o, &err);
  return 1;
}

static pid_t first_pid(ctr_container *container) {
  return ctr_process_pid(ctr_container_process(container));
}

/* A service manager that waits for READY=1 is told before we end; a program that ends without has
   said enough. */
static void await_ready(options *o, ctr_container *container) {
  struct pollfd fds[2] = {{.events = POLLIN}, {.events = POLLIN}};
  fds[0].fd = ctr_process_pidfd(ctr_container_process(container));
  while ((fds[1].fd = ctr_container_notify_fd(container)) >= 0) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    bool ready = fds[1].revents && pass_ready_on(o, container);
    if (ready || (fds[0].revents && !fds[1].revents)) return;
  }
}

typedef ctr_code make_fn(const ctr_config *config, const char *id, const ctr_container_desc *desc,
                         ctr_container **ret_container, ctr_err *err);

static int make_detached(options *o, make_fn *make) {
  ctr_container_desc desc;
  ctr_container *container = NULL;
  ctr_err err;
  ctr_config *config = describe(o, true, &desc);
  if (!config) return 1;
  if (make(config, o->id, &desc, &container, &err)) return fail_err(o, &err);
  int result = write_pid_file(o, first_pid(container)) ? discard(o, container) : 0;
  if (!result) await_ready(o, container);
  ctr_container_free(container);
  return result;
}

static int create_command(options *o) {
  return make_detached(o, ctr_container_create);
}

/* In the foreground: the container ends with us, and is gone when its first process is. */
static int run_attached(options *o) {
  ctr_container_desc desc;
  ctr_container *container = NULL;
  ctr_err err;
  attached a;
  int status = 1;
  ctr_config *config = describe(o, false, &desc);
  if (!config || attach_prepare(o, &config->process, &a)) return 1;
  if (ctr_container_run(config, o->id, &desc, &container, &err)) return fail_err(o, &err);
  a.container = container;
  bool failed = write_pid_file(o, first_pid(container)) ||
                attach(&a, ctr_container_process(container), &status);
  if (failed || !o->keep)
    failed = ctr_container_delete(container, true, &err) ? fail_err(o, &err) : failed;
  ctr_container_free(container);
  return failed && !status ? 1 : status;
}

static int run_command(options *o) {
  return o->detach ? make_detached(o, ctr_container_run) : run_attached(o);
}

/* Opens the container of ID; NULL after a message. */
static ctr_container *open_container(options *o) {
  ctr_container *container = NULL;
  const ctr_log log = {on_log, o};
  ctr_err err;
  if (ctr_container_open(o->root, o->id, &container, &err)) return fail_err(o, &err), NULL;
  ctr_container_set_log(container, &log);
  return container;
}

/* What most commands are: one call for a container. */
static int for_container(options *o, ctr_code (*call)(ctr_container *container, ctr_err *err)) {
  ctr_err err;
  ctr_container *container = open_container(o);
  if (!container) return 1;
  int result = call(container, &err) ? fail_err(o, &err) : 0;
  ctr_container_free(container);
  return result;
}

static int start_command(options *o) {
  ctr_err err;
  ctr_container *container = open_container(o);
  if (!container) return 1;
  int result = ctr_container_start(container, &err) ? fail_err(o, &err) : 0;
  if (!result) await_ready(o, container);
  ctr_container_free(container);
  return result;
}

static int pause_command(options *o) {
  return for_container(o, ctr_container_pause);
}

static int resume_command(options *o) {
  return for_container(o, ctr_container_resume);
}

static int print_json(options *o, const ctr_json *value, ctr_json_style style) {
  ctr_err err;
  if (ctr_json_write(value, style, write_to, stdout, &err)) return fail_err(o, &err);
  if (style == CTR_JSON_COMPACT) putchar('\n');
  return 0;
}

static int state_command(options *o) {
  ctr_state state;
  ctr_json *json = NULL;
  ctr_err err;
  ctr_container *container = open_container(o);
  if (!container) return 1;
  int result = ctr_container_state(container, &state, &err) ||
                       ctr_state_to_json(&o->mem, &state, &json, &err)
                   ? fail_err(o, &err)
                   : print_json(o, json, CTR_JSON_INDENT);
  ctr_container_free(container);
  return result;
}

static int kill_command(options *o) {
  ctr_err err;
  const char *name = o->operands.count > 1 ? o->operands.items[1] : "TERM";
  int number = parse_signal(name);
  if (!number) return fail(o, "kill: '%s' is not a signal", name);
  ctr_container *container = open_container(o);
  if (!container) return 1;
  int result = ctr_container_signal(container, number, o->all, &err) ? fail_err(o, &err) : 0;
  ctr_container_free(container);
  return result;
}

/* By name: that is the only way to one whose state cannot be read. What is to be gone by all means
   may be gone already. */
static int delete_command(options *o) {
  ctr_err err;
  const ctr_log log = {on_log, o};
  ctr_code code = ctr_container_delete_id(o->root, o->id, o->force, &log, &err);
  return code && !(o->force && code == CTR_E_NOT_FOUND) ? fail_err(o, &err) : 0;
}
