/* The caller's own program stays out of the container's reach (CVE-2019-5736). A process shows the
   file that it runs as /proc/PID/exe, and who may look into it can open that file: for writing as
   soon as nobody runs it any more. So the child lets go of it before anybody of the container can
   see it. It maps the same pages by a mount that cannot be written to and is in no mount namespace,
   or from a sealed copy, over those it has; when nothing of the file itself is mapped any more, the
   kernel lets it have another one in the place of it. Nothing is executed, and the pages of the
   program are the page cache's as before. */

/* -- the view: a descriptor of the file by which it cannot be written to -- */

static int ctr__reopen(int proc, int fd) {
  char path[32];
  *ctr__put_int(ctr__put_str(path, "self/fd/"), fd) = '\0';
  return ctr__open(proc, path, O_RDONLY, 0);
}

/* By a detached mount. When that is let go of, it is in no namespace, so that nobody can make it
   writable again (mount_setattr(2)), and yet there for who has a file of it open. */
static int ctr__view_by_mount(int proc, const char *path, int *ret_tree) {
  struct stat own, seen;
  struct statfs fs;
  CTR__AUTO_CLOSE tree = ctr__open_tree(AT_FDCWD, path, 0);
  if (tree < 0) return tree;
  int r = ctr__mount_setattr(tree, 0, CTR__ATTR_RDONLY, 0, 0);
  CTR__AUTO_CLOSE view = r < 0 ? r : ctr__reopen(proc, tree);
  if (view < 0) return view;
  if (fstatat(proc, "self/exe", &own, 0) < 0 || fstat(view, &seen) < 0 || fstatfs(view, &fs) < 0)
    return -errno;
  const bool same = own.st_dev == seen.st_dev && own.st_ino == seen.st_ino;
  if (!same || !((unsigned long)fs.f_flags & ST_RDONLY)) return -ESTALE;
  *ret_tree = ctr__steal_fd(&tree);
  return ctr__steal_fd(&view);
}

/* Letting go of a mount makes the kernel wait for all CPUs (synchronize_rcu), for the host's tree
   anyway: mounted there it goes along. */
static void ctr__let_go_with_host(ctr__child *c) {
  if (c->view_tree >= 0 && c->view_place >= 0) ctr__move_mount(c->view_tree, c->view_place);
  ctr__close(&c->view_place);
  ctr__close(&c->view_tree);
}

/* A file in memory that is never to change, and whose only descriptor cannot write: the kernel lets
   nobody execute what somebody may write to (ETXTBSY). from: what is in it; -1: nothing. */
static int ctr__sealed_file(int proc, int from) {
  const unsigned flags = CTR__MFD_CLOEXEC | CTR__MFD_ALLOW_SEALING;
  long n = CTR__CALL(SYS_memfd_create, "ctr", flags | CTR__MFD_EXEC);
  if (n == -EINVAL) n = CTR__CALL(SYS_memfd_create, "ctr", flags); /* before Linux 6.3 */
  CTR__AUTO_CLOSE file = ctr__fd_high((int)n);
  if (file < 0) return file;
  n = from < 0 ? 0 : 1;
  while (n > 0) n = CTR__CALL(SYS_sendfile, file, from, NULL, (size_t)1 << 30);
  if (n == 0) n = ctr__ret(fcntl(file, CTR__F_ADD_SEALS, CTR__SEALS));
  return n < 0 ? (int)n : ctr__reopen(proc, file);
}

static int ctr__view_by_copy(int proc) {
  CTR__AUTO_CLOSE own = ctr__open(proc, "self/exe", O_RDONLY, 0);
  return own < 0 ? own : ctr__sealed_file(proc, own);
}

/* Whether the file is to be had by /proc/self/exe alone: its name leads elsewhere or nowhere, now
   or for us; or its mount is not to be copied, being unbindable (EINVAL) or in a mount namespace
   that our user namespace does not own (EPERM). */
static bool ctr__is_out_of_view(int error) {
  static const int errors[] = {ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES, ESTALE, EINVAL, EPERM};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (error == -errors[i]) return true;
  return false;
}

/* -- what is mapped of it -- */

/* A line of proc_pid_maps(5). */
typedef struct ctr__mapping {
  uintptr_t start, end;
  uint64_t offset;
  int prot, flags;
  const char *path;
} ctr__mapping;

typedef struct ctr__own_program {
  const char *path;
  int view;
  int pages;      /* proc_pid_pagemap(5); < 0: not to be had */
  uintptr_t page; /* its size                                */
} ctr__own_program;

/* 55d0c0a00000-55d0c0a02000 r-xp 00001000 fe:00 1234   /usr/bin/program */
static ctr__mapping ctr__read_mapping(const char *line) {
  static const int bits[UCHAR_MAX + 1] = {['r'] = PROT_READ, ['w'] = PROT_WRITE, ['x'] = PROT_EXEC};
  ctr__mapping m = {.start = (uintptr_t)ctr__take_digits(&line, 16)};
  line++;
  m.end = (uintptr_t)ctr__take_digits(&line, 16);
  line++;
  for (int i = 0; i < 4 && *line; i++, line++) {
    if (i < 3) m.prot |= bits[(unsigned char)*line];
    if (i == 3) m.flags = *line == 's' ? MAP_SHARED : MAP_PRIVATE;
  }
  line++;
  m.offset = ctr__take_digits(&line, 16);
  for (int blanks = 0; *line && blanks < 2; line++) blanks += *line == ' ';
  while (*line && *line != ' ') line++; /* the device and the inode */
  m.path = line + strspn(line, " ");
  return m;
}

/* Whether what is there is another thing than the file says: a page of it is there, or swapped out,
   and no page of a file (proc_pid_pagemap(5)). The loader has written to it, and who patches code.
 */
static bool ctr__is_written_to(uint64_t page) {
  return (page >> 62 & 3) && !(page >> 61 & 1);
}

/* The first page from a place on, before another, that is written to, or that is not: that other
   place if there is none. Where it is not to be had, any may have been written to. */
static uintptr_t ctr__find_page(const ctr__own_program *p, uintptr_t from, uintptr_t end,
                                bool written) {
  enum { FEW = 128 };
  uint64_t pages[FEW] = {0};
  for (uintptr_t at = from; at < end; at += FEW * p->page) {
    const uintptr_t left = (end - at) / p->page, count = left < FEW ? left : FEW;
    const size_t bytes = count * sizeof *pages;
    const ssize_t n =
        p->pages < 0 ? -1 : pread(p->pages, pages, bytes, (off_t)(at / p->page * sizeof *pages));
    if (n != (ssize_t)bytes) return written ? at : end;
    for (size_t i = 0; i < count; i++)
      if (ctr__is_written_to(pages[i]) == written) return at + i * p->page;
  }
  return end;
}

/* -- mapping it again: by numbers, since libc may wait for other threads here -- */

/* *at: where, and where it is. */
static int ctr__mmap(uintptr_t *at, size_t len, int prot, int flags, int fd, uint64_t offset) {
#if defined __s390x__ /* more arguments than registers */
  unsigned long args[] = {*at,
                          len,
                          (unsigned long)prot,
                          (unsigned long)flags,
                          (unsigned long)fd,
                          (unsigned long)offset};
  const long r = syscall(SYS_mmap, args);
#elif defined SYS_mmap2
  const long r = syscall(SYS_mmap2, *at, len, prot, flags, fd, (unsigned long)(offset / 4096));
#else
  const long r = syscall(SYS_mmap, *at, len, prot, flags, fd, offset);
#endif
  if (r == -1) return -errno;
  *at = (uintptr_t)r;
  return 0;
}

/* What lies between variables may be out of bounds to a sanitizer. */
__attribute__((no_sanitize("address"))) static void ctr__copy_words(uintptr_t to, uintptr_t from,
                                                                    size_t len) {
  volatile uintptr_t *out = (volatile uintptr_t *)to; /* not to become a call of memcpy(3) */
  const volatile uintptr_t *in = (const volatile uintptr_t *)from;
  /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): who calls has mapped it */
  for (size_t i = 0; i < len / sizeof *out; i++) out[i] = in[i];
}

static int ctr__map_copy(const ctr__mapping *m) {
  const size_t len = m->end - m->start;
  uintptr_t copy = 0;
  int r = ctr__mmap(&copy, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (r < 0) return r;
  if (!(m->prot & PROT_READ)) r = (int)CTR__CALL(SYS_mprotect, m->start, len, PROT_READ);
  if (r < 0) return r;
  ctr__copy_words(copy, m->start, len);
  r = (int)CTR__CALL(SYS_mprotect, copy, len, m->prot);
  if (r < 0) return r;
  r = syscall(SYS_mremap, copy, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, m->start) == -1 ? -errno
                                                                                         : 0;
  return r;
}

static int ctr__map_view(const ctr__mapping *m, int view) {
  uintptr_t at = m->start;
  return ctr__mmap(&at, m->end - m->start, m->prot, m->flags | MAP_FIXED, view, m->offset);
}

static ctr__mapping ctr__part(const ctr__mapping *m, uintptr_t start, uintptr_t end) {
  ctr__mapping part = *m;
  part.offset += start - m->start;
  part.start = start;
  part.end = end;
  return part;
}

/* The next part that is as the file says, from a place on; none at the end. A few pages are copied
   along with others: each part becomes a mapping, of which there may be 65,530 (vm.max_map_count).
 */
static ctr__mapping ctr__clean_part(const ctr__own_program *p, const ctr__mapping *m,
                                    uintptr_t from) {
  const uintptr_t few = 16 * p->page, all = m->end - m->start;
  uintptr_t start, end = from;
  do {
    start = ctr__find_page(p, end, m->end, false);
    end = ctr__find_page(p, start, m->end, true);
  } while (start < m->end && end - start < few && end - start < all);
  return ctr__part(m, start, end);
}

/* Wherever it is mapped, which may be more than once. */
static int ctr__map_again(void *data, char *line) {
  const ctr__own_program *p = data;
  const ctr__mapping m = ctr__read_mapping(line);
  int r = 0;
  if (strcmp(m.path, p->path) != 0) return 0;
  for (uintptr_t at = m.start; at < m.end && r == 0;) {
    const ctr__mapping clean = ctr__clean_part(p, &m, at), before = ctr__part(&m, at, clean.start);
    if (before.start < before.end) r = ctr__map_copy(&before);
    if (r == 0 && clean.start < clean.end) r = ctr__map_view(&clean, p->view);
    at = clean.end;
  }
  return r;
}

/* -- the steps -- */

/* What the kernel says of the process's memory, as it wants to be told: all at once
   (proc_pid_stat(5), PR_SET_MM_MAP(2const)). */
static int ctr__read_mm(int proc, ctr__mm_map *mm) {
  uint64_t *const fields[] = {[26] = &mm->start_code, [27] = &mm->end_code, [28] = &mm->start_stack,
                              [45] = &mm->start_data, [46] = &mm->end_data, [47] = &mm->start_brk,
                              [48] = &mm->arg_start,  [49] = &mm->arg_end,  [50] = &mm->env_start,
                              [51] = &mm->env_end};
  char state;
  int r = ctr__read_stat_fields(proc, "self/stat", fields, sizeof fields / sizeof *fields, &state);
  return r < 0 || mm->env_end ? r : -EPROTO;
}

/* The first half, while the host's procfs is there. */
static int ctr__child_seal_program(ctr__child *c, const ctr__step *s) {
  const int proc = c->proc;
  char path[PATH_MAX];
  const ssize_t len = ctr__ret(readlinkat(proc, "self/exe", path, sizeof path));
  if (len < 0) return (int)len;
  if (len == (ssize_t)sizeof path) return -ENAMETOOLONG;
  path[len] = '\0';
  CTR__AUTO_CLOSE view = s->num[0] ? ctr__view_by_mount(proc, path, &c->view_tree) : -ENOENT;
  if (ctr__is_out_of_view(view)) view = ctr__view_by_copy(proc);
  if (view < 0) return view;
  if (c->view_tree >= 0) c->view_place = ctr__open(AT_FDCWD, path, O_PATH, 0);
  CTR__AUTO_CLOSE pages = ctr__open(proc, "self/pagemap", O_RDONLY, 0);
  ctr__own_program program = {.path = path,
                              .view = view,
                              .pages = pages,
                              .page = (uintptr_t)s->num[1]};
  int r = ctr__each_line(proc, "self/maps", ctr__map_again, &program);
  if (r == 0) r = ctr__read_mm(proc, &c->mm);
  if (r < 0) return r;
  c->exe = ctr__sealed_file(proc, -1);
  /* Where what is in memory may not be executed (vm.memfd_noexec): the view is as safe. */
  if (c->exe < 0) c->exe = ctr__steal_fd(&view);
  return 0;
}

/* The other one, with rights in the user namespace that the process is in by then. */
static int ctr__child_hide_program(ctr__child *c, const ctr__step *s) {
  (void)s;
  c->mm.brk = (uint64_t)(unsigned long)syscall(SYS_brk, 0L);
  int r = ctr__set_exe(&c->mm, c->exe);
  ctr__close(&c->exe);
  return r;
}

/* What the caller shares with others, a ring of io_uring(7) for instance, by which the kernel would
   act for it: a function of the caller's gets none of it. Only who reports on the start is there
   until then. */
static int ctr__unmap_shared(void *data, char *line) {
  const ctr__child *c = data;
  const ctr__mapping m = ctr__read_mapping(line);
  const bool is_ours = (uintptr_t)c->launch->shared - m.start < m.end - m.start;
  if (m.flags == MAP_PRIVATE || is_ours) return 0;
  return (int)CTR__CALL(SYS_munmap, m.start, m.end - m.start);
}

static int ctr__child_own_memory(ctr__child *c, const ctr__step *s) {
  (void)s;
  return ctr__each_line(c->proc, "self/maps", ctr__unmap_shared, c);
}
