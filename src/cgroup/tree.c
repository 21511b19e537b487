/* A cgroup and those below it. Who is inside may have made them: many, deep (a path longer than
   PATH_MAX can be made step by step), and goes on while we look. So they are a list on the heap,
   parents before children, and each costs the same however deep it is. */

typedef struct ctr__cgroup_node {
  struct ctr__cgroup_node *parent, *prev, *next;
  size_t end; /* bytes of its path below the top, with the '/' or '\0' after it */
  char name[];
} ctr__cgroup_node;

typedef struct ctr__cgroup_tree {
  ctr_arena mem;
  ctr__cgroup_node *top, *last;
  int top_dir;
  int dir; /* of the node that was opened last; -1: top */
  const ctr__cgroup_node *at;
} ctr__cgroup_tree;

/* Replaces *dir. */
static void ctr__cgroup_step(int *dir, const char *path, uint64_t resolve) {
  int next = ctr__openat2(*dir, path, O_RDONLY | O_DIRECTORY, 0, resolve);
  ctr__close(dir);
  *dir = next;
}

/* Opens a node from the one that was opened last: up to the nearest ancestor of both (a cgroup
   cannot be moved to another parent), then down, in as few steps as PATH_MAX allows. The descriptor
   stays the tree's. */
static int ctr__cgroup_go(ctr__cgroup_tree *tree, const ctr__cgroup_node *node) {
  char path[PATH_MAX];
  const ctr__cgroup_node *from = node;
  while (tree->at != from) {
    size_t here = tree->at->end, there = from->end;
    if (there >= here) from = from->parent;
    if (here < there) continue;
    tree->at = tree->at->parent;
    if (tree->dir >= 0) ctr__cgroup_step(&tree->dir, "..", CTR__RESOLVE_NO_XDEV);
  }
  if (tree->dir < 0) {
    from = tree->top;
    tree->dir = ctr__openat2(tree->top_dir, ".", O_RDONLY | O_DIRECTORY, 0, CTR__IN_CGROUP);
  }
  for (size_t start = from->end; tree->dir >= 0 && start < node->end;) {
    const ctr__cgroup_node *to = node;
    while (to->end - start > sizeof path) to = to->parent;
    for (const ctr__cgroup_node *n = to; n->end > start; n = n->parent) {
      size_t at = n->parent->end - start, len = n->end - n->parent->end - 1;
      memcpy(path + at, n->name, len);
      path[at + len] = n == to ? '\0' : '/';
    }
    ctr__cgroup_step(&tree->dir, path, CTR__IN_CGROUP);
    start = to->end;
  }
  tree->at = tree->dir < 0 ? tree->top : node;
  return tree->dir;
}

/* Puts a child right after its parent: neighbours in the list are near each other in the tree. */
static int ctr__cgroup_add_node(ctr__cgroup_tree *tree, ctr__cgroup_node *parent,
                                const char *name) {
  size_t len = strlen(name);
  if (!strcmp(name, ".") || !strcmp(name, "..")) return 0;
  if (len > NAME_MAX) return -ENAMETOOLONG;
  ctr__cgroup_node *node = ctr_arena_alloc(&tree->mem, sizeof *node + len + 1);
  if (!node) return -ENOMEM;
  memcpy(node->name, name, len + 1);
  node->parent = node->prev = parent;
  node->next = parent->next;
  node->end = parent->end + len + 1;
  if (node->next) node->next->prev = node;
  parent->next = node;
  return 0;
}

static int ctr__cgroup_add_children(ctr__cgroup_tree *tree, ctr__cgroup_node *node, int dir) {
  _Alignas(8) char buf[4096];
  for (;;) {
    long n = CTR__CALL(SYS_getdents64, dir, buf, sizeof buf);
    if (n <= 0) return (int)n;
    for (long used = 0; used < n;) {
      const struct ctr__dirent *entry = (const void *)(buf + used);
      used += entry->len;
      int r = entry->type == 4 /* DT_DIR */ ? ctr__cgroup_add_node(tree, node, entry->name) : 0;
      if (r < 0) return r;
    }
  }
}

static void ctr__cgroup_tree_free(ctr__cgroup_tree *tree) {
  ctr_arena_free(&tree->mem);
  ctr__close(&tree->dir);
}

/* What is done with each; dir is its descriptor, borrowed. */
typedef int (*ctr__cgroup_visit)(void *userdata, int dir, bool top);

/* Lists all of them and visits each (visit may be NULL) before its children are looked for: in one
   go, so that they cannot grow between two. top stays the caller's and open. One that is gone by
   the time it is looked at is passed over. */
static int ctr__cgroup_tree_read(ctr__cgroup_tree *tree, int top, ctr__cgroup_visit visit,
                                 void *userdata) {
  *tree = (ctr__cgroup_tree){.top_dir = top, .dir = -1};
  tree->at = tree->top = ctr_arena_alloc(&tree->mem, sizeof *tree->top + 1);
  int r = tree->top ? 0 : -ENOMEM;
  for (ctr__cgroup_node *node = tree->top; r >= 0 && node; node = node->next) {
    tree->last = node;
    int dir = ctr__cgroup_go(tree, node);
    r = dir < 0 ? dir : 0;
    if (r >= 0 && visit) r = visit(userdata, dir, node == tree->top);
    if (r >= 0) r = ctr__cgroup_add_children(tree, node, dir);
    if (ctr__is_gone(r)) r = 0;
  }
  if (r < 0) ctr__cgroup_tree_free(tree);
  return r;
}

static int ctr__cgroup_walk(const ctr__cgroup *g, ctr__cgroup_visit visit, void *userdata) {
  CTR__AUTO_CLOSE top = ctr__cgroup_open(g);
  if (top < 0) return ctr__is_gone(top) ? 0 : top;
  ctr__cgroup_tree tree;
  int r = ctr__cgroup_tree_read(&tree, top, visit, userdata);
  if (r >= 0) ctr__cgroup_tree_free(&tree);
  return r;
}

/* -- processes -- */

typedef struct ctr__pids {
  pid_t *items; /* ascending; 0 is one that the caller's pid namespace does not show */
  size_t count, room;
  size_t cgroups; /* that were read for it */
  ctr_arena *mem;
} ctr__pids;

/* Making one takes as long as looking at it: who goes on making them would be looked for without
   an end. */
enum { CTR__CGROUPS_LISTED_MAX = 1 << 16 };

static int ctr__pids_add(ctr__pids *pids, pid_t pid) {
  if (pids->count == pids->room) {
    size_t room = pids->room ? pids->room * 2 : 32;
    pid_t *items = ctr__arena_array(pids->mem, room, sizeof *items);
    if (!items) return -ENOMEM;
    if (pids->count) memcpy(items, pids->items, pids->count * sizeof *items);
    pids->items = items;
    pids->room = room;
  }
  pids->items[pids->count++] = pid;
  return 0;
}

/* cgroup.procs: a number and a newline each, in no order, some twice (cgroups(7)). */
static int ctr__pids_read(ctr__pids *pids, int dir) {
  CTR__AUTO_CLOSE fd = ctr__openat2(dir, "cgroup.procs", O_RDONLY, 0, CTR__IN_CGROUP);
  if (fd < 0) return fd;
  char buf[4096];
  pid_t pid = 0;
  for (;;) {
    ssize_t n = read(fd, buf, sizeof buf);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? -errno : 0;
    for (const char *at = buf; at < buf + n; at++) {
      if (*at != '\n') {
        pid = pid * 10 + (*at - '0');
        continue;
      }
      int r = ctr__pids_add(pids, pid);
      if (r < 0) return r;
      pid = 0;
    }
  }
}

static int ctr__pid_order(const void *a, const void *b) {
  pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
  return (x > y) - (x < y);
}

static bool ctr__pids_have(const ctr__pids *pids, pid_t pid) {
  return pids->count && bsearch(&pid, pids->items, pids->count, sizeof pid, ctr__pid_order);
}

static void ctr__pids_sort(ctr__pids *pids) {
  size_t kept = 0;
  if (pids->count) qsort(pids->items, pids->count, sizeof *pids->items, ctr__pid_order);
  for (size_t i = 0; i < pids->count; i++)
    if (!kept || pids->items[kept - 1] != pids->items[i]) pids->items[kept++] = pids->items[i];
  pids->count = kept;
}

/* The file of a threaded cgroup cannot be read: its processes are listed further up (cgroups(7),
   "Thread mode"). */
static int ctr__visit_pids(void *userdata, int dir, bool top) {
  ctr__pids *pids = userdata;
  if (pids->cgroups++ == CTR__CGROUPS_LISTED_MAX) return -E2BIG;
  int r = ctr__pids_read(pids, dir);
  return r == -EOPNOTSUPP && !top ? 0 : r;
}

/* All processes of a cgroup and of those below, into mem; -E2BIG and some of them when there are
   too many cgroups. */
static int ctr__cgroup_pids(const ctr__cgroup *g, ctr_arena *mem, ctr__pids *pids) {
  *pids = (ctr__pids){.mem = mem};
  int r = ctr__cgroup_walk(g, ctr__visit_pids, pids);
  ctr__pids_sort(pids);
  return r;
}

/* The one with that v1 controller, or NULL. */
static const ctr__cgroup *ctr__cgroups_with(const ctr__cgroups *all, const char *controller) {
  for (size_t i = 0; i < all->count; i++)
    if (ctr__cgroup_has(&all->items[i], controller)) return &all->items[i];
  return NULL;
}

static const ctr__cgroup *ctr__cgroups_v2(const ctr__cgroups *all) {
  for (size_t i = 0; i < all->count; i++)
    if (all->items[i].v2) return &all->items[i];
  return NULL;
}

/* The one that knows best which processes there are; NULL when there is none. */
static const ctr__cgroup *ctr__cgroups_best(const ctr__cgroups *all) {
  const ctr__cgroup *best = ctr__cgroups_v2(all);
  if (!best) best = ctr__cgroups_with(all, "freezer");
  if (!best) best = ctr__cgroups_with(all, "pids");
  return best || !all->count ? best : all->items;
}

/* The processes, each once, ascending, in the arena; those that our pid namespace does not show
   have no number to name them by. None when the cgroup is gone; -ENOTSUP without any;
   -E2BIG when too many cgroups are below. */
static int ctr__cgroups_pids(const ctr__cgroups *all, ctr_arena *arena, pid_t **ret,
                             size_t *ret_count) {
  const ctr__cgroup *best = ctr__cgroups_best(all);
  ctr__pids pids;
  int r = best ? ctr__cgroup_pids(best, arena, &pids) : -ENOTSUP;
  if (r < 0) return r;
  bool hidden = ctr__pids_have(&pids, 0);
  *ret = hidden ? pids.items + 1 : pids.items;
  *ret_count = pids.count - hidden;
  return 0;
}
