/* What runs between clone and execve. The caller may have threads, one of which may have held any
   lock when we were cloned; so nothing here allocates, locks, prints or reads the environment:
   system calls, this state on the stack, and the plan. */

/* Directories of the base. */
#define CTR__BASE_NEW "new"
#define CTR__BASE_OLD "old"

enum { CTR__EXTRA_MAX = 256, CTR__NOTE_MAX = 512 };

/* What a step has made in the root. */
typedef struct ctr__made {
  uint32_t step; /* its path                                                            */
  uint32_t end;  /* where the first component of it ends that had to be made            */
  uint64_t ino;  /* of what is no directory: that it is still that, when it is taken away */
} ctr__made;

/* Memory that parent and child share: a child that somebody hostile has got hold of may write
   anything to it, at any time. */
typedef struct ctr__shared {
  volatile uint32_t step; /* the step under way, so that a death can be told from a successful
                             execve, which both close the channel                               */
  volatile int32_t pid;   /* of a child that an intermediate process has cloned, by the kernel: also
                             when that dies before it can report it                             */
  char note[CTR__NOTE_MAX]; /* what a program that failed has said */
  ctr__message failure;     /* the last word of a child that cannot send it any more: a seccomp
                               filter of the caller's may forbid that                             */
  volatile int32_t program_error; /* likewise of a program that could not be executed */
  dev_t root_dev;                 /* the directory in which what follows was made */
  ino_t root_ino;
  volatile uint32_t made_count;
  volatile ctr__made made[]; /* what a failed start takes away again, with room for each step */
} ctr__shared;

static size_t ctr__shared_size(const ctr_plan *plan) {
  return sizeof(ctr__shared) + plan->step_count * sizeof(ctr__made);
}

/* The mount that a step has made. */
typedef struct ctr__mounted {
  bool is_meant, is_held; /* it is to be known again; and looked up from, by then */
  int held; /* it or what covers it, from the mount to the mask: whoever swaps a directory
               meanwhile is to have no procfs without (CVE-2019-19921); -1: it is hidden */
  ctr__mount_id id;
} ctr__mounted;

/* What the parent gets ready for the child before it clones. */
typedef struct ctr__launch {
  const ctr_plan *plan;
  int sock;                                 /* the child's end of the sync channel             */
  int parent_sock;                          /* the parent's, which a child closes at once      */
  int stdio[3];                             /* descriptors to become 0, 1, 2                    */
  const int *extra;                         /* those to become 3 and on                       */
  int extra_count;                          /* at most CTR__EXTRA_MAX                         */
  int start_sock;                           /* where who starts the container comes by; or -1 */
  int init_pidfd;                           /* opened by OPEN_INIT                            */
  int namespaces[CTR__PLAN_MAX_NAMESPACES]; /* opened by OPEN_NAMESPACE                       */
  char **argv, **envp;                      /* the plan's lists as execve wants them           */
  char ***program_argv, ***program_envp;    /* the same for each hook and helper              */
  int (*function)(void *function_data);     /* what CALL calls                                 */
  void *function_data;
  char ***environment; /* where getenv(3) looks                           */
  struct {
    char *start;
    size_t size;
  } concealed[2];        /* the caller's command line and environment, where CONCEAL is */
  ctr__mounted *mounted; /* by each step, where one is meant by another; or NULL */
  ctr__shared *shared;
} ctr__launch;

/* The report of a step that failed after the container was started. */
typedef struct ctr__start_report {
  ctr__message message;
  uint32_t kind;
  char field[128], arg[256], note[CTR__NOTE_MAX];
} ctr__start_report;

typedef struct ctr__child {
  const ctr__launch *launch;
  const ctr_plan *plan;
  uint32_t at;             /* the step under way, which an error names                   */
  enum ctr__reason reason; /* set by a step that fails where errno does not say enough   */
  int64_t detail;          /* goes with the reason                                       */
  uint64_t postponed;      /* namespaces that refused to be joined before the user one   */
  int sock, start_sock;    /* as in launch, moved out of the way                         */
  bool is_started;         /* sock is that of who started the container                  */
  int proc;                /* a verified procfs, the host's                              */
  int base;                /* where that and the host's tree are, if it is a mount's own */
  int root;                /* the container's root                                       */
  dev_t root_dev;          /* and its file system                                        */
  int null_device;         /* the host's /dev/null, what files are masked with           */
  int mask_dir;            /* an empty read-only tmpfs, what directories are masked with */
  mode_t umask;            /* the caller's                                               */
  int listener;            /* what notifications of the filter come from          */
  int view_tree;           /* a detached mount of the caller's program            */
  int view_place;          /* and that program, in the host's tree                */
  int exe;                 /* what is to be its /proc/PID/exe                     */
  ctr__mm_map mm;          /* goes with that                                      */
  int ruleset;             /* of Landlock, until it is in force                   */
  bool entered_cwd;
  uint32_t found; /* which candidate LOOK_UP found */
} ctr__child;

static const char *ctr__arg(const ctr__child *c, const ctr__step *s, int i) {
  return ctr__plan_str(c->plan, s->str[i]);
}

static int ctr__because(ctr__child *c, enum ctr__reason reason, int error) {
  c->reason = reason;
  return error;
}

/* Something was made at the path of the step under way; name in dir is the last of it ("": dir
   itself), or dir is an error. On another file system than the root's it goes with its mount. */
static void ctr__note_made(const ctr__child *c, int dir, const char *name, size_t end) {
  ctr__shared *shared = c->launch->shared;
  struct stat st = {.st_ino = 0};
  if (!end || shared->made_count >= c->plan->step_count) return;
  if (dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0 &&
      st.st_dev != c->root_dev)
    return;
  shared->made[shared->made_count].ino = st.st_ino;
  shared->made[shared->made_count].step = c->at;
  shared->made[shared->made_count].end = (uint32_t)end;
  shared->made_count++;
}

/* One packet. */
static int ctr__send_bytes(int sock, const void *data, size_t len) {
  ssize_t n;
  do n = send(sock, data, len, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : 0;
}

static int ctr__send(int sock, const ctr__message *message) {
  return ctr__send_bytes(sock, message, sizeof *message);
}

static int ctr__send_fd(int sock, const ctr__message *message, int fd) {
  const ssize_t n = ctr__send_with_fd(sock, message, sizeof *message, fd);
  return n < 0 ? (int)n : 0;
}

/* The next packet: 0, -EPROTO for anything but a whole message, -EPIPE when nobody is there. */
static int ctr__receive(int sock, ctr__message *message) {
  ssize_t n;
  do n = recv(sock, message, sizeof *message, MSG_TRUNC);
  while (n < 0 && errno == EINTR);
  if (n < 0) return errno == ECONNRESET ? -EPIPE : -errno;
  if (n == 0) return -EPIPE;
  return (size_t)n == sizeof *message ? 0 : -EPROTO;
}

static bool ctr__hung_up(int sock) {
  struct pollfd end = {.fd = sock};
  return ctr__poll_now(&end, 1) > 0 && (end.revents & POLLHUP);
}

static bool ctr__brings_fd(uint32_t type) {
  return type == CTR__MSG_PID || type == CTR__MSG_CONSOLE || type == CTR__MSG_SOURCE ||
         type == CTR__MSG_LISTENER;
}

/* The next packet: its length, more than there is room for if it was cut; or -errno. In *ret_fd is
   the descriptor that came with it; -1: none did, -2: more than one, which are closed. */
static ssize_t ctr__receive_packet(int sock, void *data, size_t room, int *ret_fd) {
  union {
    struct cmsghdr head;
    char buf[CMSG_SPACE(8 * sizeof(int))];
  } control;
  struct iovec iov = {data, room};
  struct msghdr packet = {.msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof control.buf};
  ssize_t n;
  *ret_fd = -1;
  /* ECONNRESET is told once, before what the other side has sent: then that is read. */
  do n = recvmsg(sock, &packet, MSG_CMSG_CLOEXEC | MSG_TRUNC);
  while (n < 0 && (errno == EINTR || errno == ECONNRESET));
  if (n < 0) return -errno;
  size_t fds = 0;
  if (packet.msg_controllen >= CMSG_LEN(0) && control.head.cmsg_type == SCM_RIGHTS &&
      control.head.cmsg_level == SOL_SOCKET)
    fds = (control.head.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < fds; i++) {
    memcpy(ret_fd, CMSG_DATA(&control.head) + i * sizeof *ret_fd, sizeof *ret_fd);
    if (fds > 1) close(*ret_fd);
  }
  if (fds > 1 || (packet.msg_flags & MSG_CTRUNC)) {
    if (fds == 1) close(*ret_fd);
    *ret_fd = -2;
  } else if (fds) {
    *ret_fd = ctr__fd_high(*ret_fd);
    if (*ret_fd < 0) return *ret_fd;
  }
  return n;
}

/* The next packet and, in *ret_fd when that is asked for, the descriptor that came with it. Any
   other descriptor is closed by us and any other size refused. */
static int ctr__receive_fd(int sock, ctr__message *message, int *ret_fd) {
  int fd;
  const ssize_t n = ctr__receive_packet(sock, message, sizeof *message, &fd);
  if (n < 0) return (int)n;
  const bool brings = n == (ssize_t)sizeof *message && ret_fd && ctr__brings_fd(message->type);
  const bool whole = n == (ssize_t)sizeof *message && (brings ? fd >= 0 : fd == -1);
  if (!whole && fd >= 0) close(fd);
  if (n == 0) return ctr__hung_up(sock) ? -EPIPE : -EPROTO; /* an empty packet is no end */
  if (!whole) return -EPROTO;
  if (brings) *ret_fd = fd;
  return 0;
}

/* Without a parent, nobody would know of the program or wait for it: until it is left alone. */
static int ctr__see_parent(ctr__child *c) {
  return !c->is_started && ctr__hung_up(c->sock) ? ctr__because(c, CTR__WHY_PARENT_GONE, -EPIPE)
                                                 : 0;
}

static int ctr__child_sync(ctr__child *c, const ctr__step *s) {
  const struct ctr__exchange *exchange = &ctr__exchanges[s->num[0]];
  ctr__message message = {.type = exchange->request};
  int r = exchange->request ? ctr__send(c->sock, &message) : 0;
  if (r == 0 && !exchange->answer) return 0;
  if (r == 0) r = ctr__receive(c->sock, &message);
  if (r == -EPIPE || r == -ECONNRESET) return ctr__because(c, CTR__WHY_PARENT_GONE, r);
  if (r < 0) return r;
  return message.type == exchange->answer ? 0 : ctr__because(c, CTR__WHY_BAD_ANSWER, -EPROTO);
}

/* What the step under way is made from: the parent looks it up in the plan and sends it. */
static int ctr__ask_parent(ctr__child *c) {
  ctr__message message = {.type = CTR__MSG_OPEN, .step = c->at};
  CTR__AUTO_CLOSE fd = -1;
  int r = ctr__send(c->sock, &message);
  if (r == 0) r = ctr__receive_fd(c->sock, &message, &fd);
  if (r == -EPIPE || r == -ECONNRESET) return ctr__because(c, CTR__WHY_PARENT_GONE, r);
  if (r == -EPROTO || (r == 0 && message.type != CTR__MSG_SOURCE))
    return ctr__because(c, CTR__WHY_BAD_ANSWER, -EPROTO);
  return r < 0 ? r : ctr__steal_fd(&fd);
}

/* Whether what the child could not open is the parent's to open. */
static bool ctr__is_askable(const ctr__step *s, int error) {
  return error == -EACCES && (s->num[CTR__NUM_SOURCE] & CTR__SOURCE_ASK);
}
