/* What a child may send to the parent that starts it, and write into the page that they share: any
   packets, with any descriptors, in any order. The parent walks the whole of its talk; whatever
   comes of it is a success or an error in words, and no descriptor stays.

   Input: which of three plans; how many packets, and of each what it says of itself and its bytes;
   then what the page has. */
#include "../unit/talk.h"
#include "fuzz.h"

enum { PACKETS_MAX = 12, PAGE_ROOM = (sizeof(ctr__shared) + 4095) / 4096 * 4096 };

/* -- plans that talk about all there is to talk about -- */

static ctr_plan *plan_of_kind(int kind) {
  static const ctr__facts facts = {.initial_userns = true,
                                   .caps = ~UINT64_C(0),
                                   .permitted = ~UINT64_C(0),
                                   .features = 7,
                                   .can_filter = true,
                                   .filter_flags = 63};
  static const char *const rbind[] = {"rbind"}, *const names[] = {"dup"};
  static const ctr_mount mounts[] = {{.destination = "/dev/pts", .type = "devpts"},
                                     {.destination = "/a", .source = "/", .options = {rbind, 1}}};
  static const ctr_syscall calls[] = {{.names = {names, 1}, .action = CTR_SCMP_ACT_NOTIFY}};
  static const ctr_namespace spaces[] = {{CTR_NS_MOUNT, NULL},
                                         {CTR_NS_USER, NULL},
                                         {CTR_NS_PID, "/proc/1/ns/pid"}};
  ctr_config config = {.ociVersion = "1.3.0",
                       .root = {"/", true},
                       .mounts = {mounts, 2},
                       .process = {.cwd = "/",
                                   .args = CTR_STRS("/p"),
                                   .terminal = kind == 1,
                                   .noNewPrivileges = true},
                       .linux_ = {.namespaces = {spaces, kind == 2 ? 3 : 2}}};
  if (kind == 2)
    config.linux_.seccomp = (ctr_seccomp){.defaultAction = CTR_SCMP_ACT_ALLOW,
                                          .syscalls = {calls, 1},
                                          .listenerPath = "/agent"};
  const ctr_plan_desc desc = {.moments = CTR_MOMENT_HOOKS | CTR_MOMENT_READY, .id = "box"};
  ctr_plan *plan = NULL;
  ctr_err err = {.code = CTR_OK};
  MUST(!ctr__plan_compile(&config, &desc, &ctr__for_program, &facts, &plan, &err), "%s", err.msg);
  return plan;
}

/* Nothing but what is about messages: the rest would make things on this machine. */
static ctr_code walk(ctr__start *s) {
  for (uint32_t i = 0; i < s->plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(s->plan, i);
    ctr_code code = CTR_OK;
    if (step->lane == CTR__LANE_BOTH) code = ctr__parent_sync(s, step);
    if (step->lane == CTR__LANE_PARENT &&
        (step->kind == CTR__STEP_ADOPT || step->kind == CTR__STEP_TAKE_CONSOLE ||
         step->kind == CTR__STEP_TAKE_LISTENER))
      code = ctr__parent_talks[step->kind](s, step);
    if (code) return code;
  }
  ctr__message message;
  return ctr__expect(s, 0, &message, NULL);
}

/* -- what the child says -- */

/* Descriptors of many kinds; the last is an end of the channel itself. */
static int descriptor(uint8_t which, int child) {
  static int kinds[5];
  if (!kinds[0]) {
    int ends[2];
    MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    kinds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
    kinds[1] = open("/", O_PATH | O_CLOEXEC);
    kinds[2] = ends[0];
    kinds[3] = (int)syscall(SYS_memfd_create, "x", 1U);
    kinds[4] = (int)syscall(CTR__SYS_pidfd_open, getpid(), 0);
  }
  return which % 6 == 5 ? child : kinds[which % 6];
}

/* The next to be due more often than not, or nothing would get far. */
static void say_one(input *in, int child, uint32_t due) {
  static const uint8_t counts[] = {0, 0, 0, 1, 1, 2, 9, 253};
  union {
    ctr__message message;
    uint8_t bytes[64];
  } packet = {.message = {.type = due}};
  const uint8_t what = take_byte(in), how = take_byte(in);
  size_t size = sizeof packet.message;
  if (what & 1) packet.message.type = take_byte(in);
  if (what & 2) packet.message.step = take_byte(in);
  if (what & 4) packet.message.error = (int32_t)take_u32(in);
  if (what & 8) packet.message.reason = take_byte(in);
  if (what & 16) packet.message.value = (int64_t)take_u64(in);
  if ((what & 0xe0) == 0xe0) size = take_bytes(in, packet.bytes, sizeof packet.bytes);
  const bool brings = !(what & 32) && ctr__brings_fd(packet.message.type);
  say_bytes(child, &packet, size, descriptor(how >> 3, child), brings ? 1 : counts[how & 7]);
}

/* What the plan makes the parent wait for, one after the other. */
static size_t dues_of(const ctr_plan *plan, uint32_t dues[PACKETS_MAX]) {
  size_t n = 0;
  for (uint32_t i = 0; i < plan->step_count && n < PACKETS_MAX; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    uint32_t due = step->kind == CTR__STEP_ADOPT           ? CTR__MSG_PID
                   : step->kind == CTR__STEP_TAKE_CONSOLE  ? CTR__MSG_CONSOLE
                   : step->kind == CTR__STEP_TAKE_LISTENER ? CTR__MSG_LISTENER
                                                           : 0;
    if (step->kind == CTR__STEP_SYNC) due = ctr__exchanges[step->num[0]].request;
    if (due) dues[n++] = due;
  }
  return n;
}

static void say_all(input *in, const ctr_plan *plan, int child) {
  uint32_t dues[PACKETS_MAX] = {0};
  const size_t due = dues_of(plan, dues);
  const size_t count = take_byte(in) % PACKETS_MAX;
  fcntl(child, F_SETFL, O_NONBLOCK);
  for (size_t i = 0, said = 0; i < count; i++) {
    const bool asks = take_byte(in) % 4 == 0;
    say_one(in, child, asks ? CTR__MSG_OPEN : said < due ? dues[said] : 0);
    said += !asks;
  }
}

/* The page, as far as there is input for it. What it must not lead to is that a process of ours is
   taken for a child; there is none. */
static void write_page(input *in, const ctr_plan *plan, ctr__shared *shared) {
  const uint8_t how = take_byte(in);
  if (how & 1) shared->step = plan->step_count - 1;
  if (how & 2) memset(shared->note, 'n', PAGE_ROOM - offsetof(ctr__shared, note));
  if (how & 4) take_bytes(in, shared, ctr__shared_size(plan));
  if (how & 8) {
    shared->failure = (ctr__message){.type = CTR__MSG_ERROR,
                                     .step = take_byte(in),
                                     .error = 1 + take_byte(in),
                                     .reason = take_byte(in),
                                     .value = take_byte(in)};
  }
}

/* Of a child that has ended: what holds the channel open is not waited for then. */
static int pidfd_of_the_dead(void) {
  static int pidfd;
  if (!pidfd) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    pidfd = (int)syscall(CTR__SYS_pidfd_open, pid, 0);
    waitpid(pid, NULL, 0);
  }
  return fcntl(pidfd, F_DUPFD_CLOEXEC, 3);
}

/* Behind the page is nothing that could be read. */
static ctr__start start_of(ctr_process *process, ctr_err *err) {
  ctr__start s = ctr__start_of(process, err);
  MUST(!ctr__prepare_idmaps(&s) && !ctr__open_channel(&s));
  char *room =
      mmap(NULL, PAGE_ROOM + 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  MUST(room != MAP_FAILED && !mprotect(room + PAGE_ROOM, 4096, PROT_NONE));
  s.launch.shared = (ctr__shared *)(void *)room;
  return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static ctr_plan *plans[3];
  input in = {data, size};
  const uint8_t kind = take_byte(&in) % 3;
  ctr_process *process = NULL;
  ctr_err err = {.code = CTR_OK};
  if (!plans[kind]) plans[kind] = plan_of_kind(kind);
  descriptor(0, -1);
  close(pidfd_of_the_dead());
  const int before = dup(0);
  const ctr_process_desc desc = {.stdio = CTR_STDIO_INHERIT};
  MUST(!ctr_process_new(plans[kind], &desc, &process, &err));
  ctr__start s = start_of(process, &err);
  char *behind = (char *)s.launch.shared + PAGE_ROOM;
  process->pid = getpid();
  *(kind == 2 ? &s.stage_pidfd : &process->pidfd) = pidfd_of_the_dead();
  say_all(&in, plans[kind], s.launch.sock);
  write_page(&in, plans[kind], s.launch.shared);
  ctr__close(&s.launch.sock);
  ctr_code code = walk(&s);
  must_be_told(code, &err);
  ctr__start_finish(&s, true);
  munmap(behind, 4096);
  ctr_process_free(process);
  const int after = dup(0);
  MUST(after == before + 1, "a descriptor stays: %d", after);
  close(before);
  close(after);
  return 0;
}
