/* The last steps: a working directory that lies inside, a program that exists, execve. */

static int ctr__child_let_go(ctr__child *c, const ctr__step *s) {
  (void)s;
  ctr__close(&c->proc);
  ctr__close(&c->base);
  ctr__close(&c->root);
  for (uint32_t i = 0; c->launch->mounted && i < c->at; i++)
    ctr__close(&c->launch->mounted[i].held);
  ctr__close(&c->null_device);
  ctr__close(&c->mask_dir);
  ctr__close(&c->view_place);
  ctr__close(&c->view_tree);
  return 0;
}

static int ctr__child_chdir_early(ctr__child *c, const ctr__step *s) {
  c->entered_cwd = chdir(ctr__arg(c, s, 0)) == 0;
  return 0; /* the container's user gets to try as well: CHDIR */
}

/* A working directory outside the root would be a way out (CVE-2024-21626): the kernel names it
   "(unreachable)…" then. */
static int ctr__child_chdir(ctr__child *c, const ctr__step *s) {
  if (!c->entered_cwd && chdir(ctr__arg(c, s, 0)) < 0) return -errno;
  char cwd[PATH_MAX];
  long len = CTR__CALL(SYS_getcwd, cwd, sizeof cwd);
  if (len < 0) return len == -ENOENT ? ctr__because(c, CTR__WHY_OUTSIDE, -ENOENT) : (int)len;
  return cwd[0] == '/' ? 0 : ctr__because(c, CTR__WHY_OUTSIDE, -EXDEV);
}

/* Finds the program as execvp(3) would, but before the caller is told that all is ready. */
static int ctr__child_look_up(ctr__child *c, const ctr__step *s) {
  uint32_t count = ctr__list_count(c->plan, s->str[1]);
  int worst = -ENOENT;
  for (uint32_t i = 0; i < count; i++) {
    const char *path = ctr__list_str(c->plan, s->str[1], i);
    struct stat st;
    int r = faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
    if (r == 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) r = -EACCES;
    c->found = i;
    if (r == 0) return 0;
    if (r == -EACCES) worst = r; /* there, but not for this user */
  }
  if (worst == -ENOENT && !strchr(ctr__arg(c, s, 0), '/')) c->reason = CTR__WHY_NOT_FOUND;
  return worst;
}
