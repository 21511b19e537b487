/* landlock(7), in the root as the program will see it: rules are of what is there by now. */

static int ctr__child_landlock(ctr__child *c, const ctr__step *s) {
  const struct ctr__landlock_ruleset attr = {s->num[0], s->num[1], s->num[2]};
  c->ruleset = ctr__landlock_create(&attr);
  return c->ruleset < 0 ? c->ruleset : 0;
}

/* A link of the image, or of who runs in the container already, would widen what is allowed. Of a
   file the kernel takes no rights that only a directory can give. */
static int ctr__child_landlock_path(ctr__child *c, const ctr__step *s) {
  struct stat st;
  CTR__AUTO_CLOSE fd =
      ctr__openat2(AT_FDCWD, ctr__arg(c, s, 0), O_PATH, 0, CTR__RESOLVE_NO_SYMLINKS);
  if (fd == -ELOOP) return ctr__because(c, CTR__WHY_BY_A_LINK, fd);
  if (fd < 0) return fd;
  if (fstat(fd, &st) < 0) return -errno;
  const struct ctr__landlock_path_beneath rule = {s->num[S_ISDIR(st.st_mode) ? 0 : 1], fd};
  return rule.allowed_access ? (int)CTR__CALL(CTR__SYS_landlock_add_rule, c->ruleset,
                                              1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0U)
                             : 0;
}

static int ctr__child_landlock_port(ctr__child *c, const ctr__step *s) {
  const struct ctr__landlock_net_port rule = {s->num[0], s->num[1]};
  return (int)CTR__CALL(CTR__SYS_landlock_add_rule, c->ruleset, 2 /* LANDLOCK_RULE_NET_PORT */,
                        &rule, 0U);
}

static int ctr__child_landlock_restrict(ctr__child *c, const ctr__step *s) {
  (void)s;
  int r = (int)CTR__CALL(CTR__SYS_landlock_restrict_self, c->ruleset, 0U);
  ctr__close(&c->ruleset);
  return r;
}
