/* Signals by number, NAME or SIGNAME, as kill(1) takes them. */

static const struct {
  const char *name;
  int number;
} signal_names[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},       {"QUIT", SIGQUIT}, {"ILL", SIGILL},
    {"TRAP", SIGTRAP},     {"ABRT", SIGABRT},     {"IOT", SIGIOT},   {"BUS", SIGBUS},
    {"FPE", SIGFPE},       {"KILL", SIGKILL},     {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},
    {"USR2", SIGUSR2},     {"PIPE", SIGPIPE},     {"ALRM", SIGALRM}, {"TERM", SIGTERM},
    {"CHLD", SIGCHLD},     {"CONT", SIGCONT},     {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU},     {"URG", SIGURG},   {"XCPU", SIGXCPU},
    {"XFSZ", SIGXFSZ},     {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},
    {"IO", SIGIO},         {"POLL", SIGPOLL},     {"PWR", SIGPWR},   {"SYS", SIGSYS},
#ifdef SIGSTKFLT
    {"STKFLT", SIGSTKFLT},
#endif
};

/* "", "+N" or "-N" after "RTMIN" or "RTMAX": 0 when that is none of the real-time signals. */
static int real_time_signal(const char *offset, bool from_least) {
  uint64_t distance = 0;
  if (*offset && (*offset != (from_least ? '+' : '-') ||
                  !parse_number(offset + 1, (uint64_t)(SIGRTMAX - SIGRTMIN), &distance)))
    return 0;
  return from_least ? SIGRTMIN + (int)distance : SIGRTMAX - (int)distance;
}

/* Returns 0 for what is no signal. */
static int parse_signal(const char *text) {
  uint64_t number;
  if (parse_number(text, (uint64_t)SIGRTMAX, &number)) return (int)number;
  if (!strncasecmp(text, "SIG", 3)) text += 3;
  if (!strncasecmp(text, "RTMIN", 5)) return real_time_signal(text + 5, true);
  if (!strncasecmp(text, "RTMAX", 5)) return real_time_signal(text + 5, false);
  for (size_t i = 0; i < sizeof signal_names / sizeof *signal_names; i++)
    if (!strcasecmp(signal_names[i].name, text)) return signal_names[i].number;
  return 0;
}
