/* Presets: lists of options in bubblewrap's own words, which stand in the place of --preset NAME,
   so that those after it can change what it says. $NAME is the caller's variable of that name; an
   option with one that is not set is left out. $HERE is the working directory. */

/* The directories that a distribution may have merged into /usr: bound, a link is followed. */
#define SYSTEM                                                                                     \
  "--ro-bind /usr /usr", "--ro-bind-try /bin /bin", "--ro-bind-try /sbin /sbin",                   \
      "--ro-bind-try /lib /lib", "--ro-bind-try /lib32 /lib32", "--ro-bind-try /lib64 /lib64"

static const struct preset {
  const char *name, *help;
  const char *options[24];
} presets[] = {
    {"strict",
     "the programs of this machine, and nothing else: no network, no files, no environment",
     {"--unshare-all", "--new-session", "--die-with-parent", "--clearenv",
      "--setenv PATH /usr/bin:/bin", "--setenv HOME /tmp", SYSTEM,
      "--ro-bind-try /etc/ld.so.cache /etc/ld.so.cache",
      "--ro-bind-try /etc/alternatives /etc/alternatives", "--proc /proc", "--dev /dev",
      "--perms 1777 --tmpfs /tmp", "--chdir /tmp", "--remount-ro /"}},
    {"build",
     "what compilers and tests need: the working directory, /tmp of its own, no network",
     {"--unshare-all", "--die-with-parent", SYSTEM, "--ro-bind-try /opt /opt",
      "--ro-bind /etc /etc", "--proc /proc", "--dev /dev", "--perms 1777 --tmpfs /tmp",
      "--perms 1777 --tmpfs /var/tmp", "--perms 0700 --tmpfs $HOME", "--bind $HERE $HERE",
      "--chdir $HERE", "--remount-ro /"}},
    {"desktop",
     "programs with windows and sound: all is read-only, a home of its own, the network",
     {"--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try",
      "--die-with-parent", "--ro-bind / /", "--proc /proc", "--dev /dev",
      "--dev-bind-try /dev/dri /dev/dri", "--dev-bind-try /dev/snd /dev/snd",
      "--perms 1777 --tmpfs /tmp", "--ro-bind-try /tmp/.X11-unix /tmp/.X11-unix",
      "--perms 0700 --tmpfs $HOME", "--ro-bind-try $XAUTHORITY $XAUTHORITY",
      "--perms 0700 --tmpfs $XDG_RUNTIME_DIR",
      "--ro-bind-try $XDG_RUNTIME_DIR/$WAYLAND_DISPLAY $XDG_RUNTIME_DIR/$WAYLAND_DISPLAY",
      "--ro-bind-try $XDG_RUNTIME_DIR/pipewire-0 $XDG_RUNTIME_DIR/pipewire-0",
      "--ro-bind-try $XDG_RUNTIME_DIR/pulse $XDG_RUNTIME_DIR/pulse", "--chdir $HOME"}},
};

#define PRESETS (sizeof presets / sizeof *presets)

/* The caller's own variable: options before may have changed ours. */
static const char *variable(const sandbox *s, const char *name, size_t len) {
  if (len == 4 && !strncmp(name, "HERE", 4)) return s->caller_dir;
  for (char **at = s->caller_env; *at; at++)
    if (!strncmp(*at, name, len) && (*at)[len] == '=' && (*at)[len + 1]) return *at + len + 1;
  return NULL;
}

/* The word with its variables filled in; NULL: one is not set. */
static const char *expand(sandbox *s, const char *word) {
  const char *text = "";
  for (;;) {
    const size_t plain = strcspn(word, "$");
    text = print(s, "%s%.*s", text, (int)plain, word);
    word += plain;
    if (!*word) return text;
    const size_t len = strspn(++word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    const char *value = variable(s, word, len);
    if (!value) return NULL;
    text = print(s, "%s%s", text, value);
    word += len;
  }
}

static void apply_preset(sandbox *s, const struct preset *preset) {
  for (size_t i = 0; preset->options[i]; i++) {
    words list = split(s, preset->options[i]), expanded = {NULL, 0};
    for (size_t k = 0; k < list.count; k++) {
      const char *word = expand(s, list.items[k]);
      if (!word) break;
      add_word(s, &expanded, word);
    }
    if (expanded.count < list.count) continue;
    add_word(s, &expanded, NULL);
    read_options(s, expanded.items);
  }
}

static void print_presets(void) {
  for (size_t p = 0; p < PRESETS; p++) {
    printf("%s%s: %s\n", p ? "\n" : "", presets[p].name, presets[p].help);
    for (size_t i = 0; presets[p].options[i]; i++) printf("  %s\n", presets[p].options[i]);
  }
}

static void take_preset(sandbox *s, const option_row *row, const char **args) {
  (void)row;
  size_t p = 0;
  while (p < PRESETS && strcmp(presets[p].name, args[0]) != 0) p++;
  if (p < PRESETS) {
    apply_preset(s, &presets[p]);
  } else if (!strcmp(args[0], "help")) {
    print_presets();
    exit(0);
  } else {
    fail("--preset: there is no '%s'; --preset help shows what there is", args[0]);
  }
}
