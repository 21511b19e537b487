/* Taking cgroups away. */

enum { CTR__REMOVE_MS = 2000 };

static int ctr__rmdir(int parent, const char *name) {
  int r = (int)ctr__ret(unlinkat(parent, name, AT_REMOVEDIR));
  return ctr__is_gone(r) ? 0 : r;
}

/* All below, children before parents. The first error, after all were tried. */
static int ctr__cgroup_remove_below(int top) {
  int first = 0;
  ctr__cgroup_tree tree;
  int r = ctr__cgroup_tree_read(&tree, top, NULL, NULL);
  if (r < 0) return r;
  for (const ctr__cgroup_node *node = tree.last; node != tree.top; node = node->prev) {
    int parent = ctr__cgroup_go(&tree, node->parent);
    int removed = parent < 0 ? parent : ctr__rmdir(parent, node->name);
    if (removed < 0 && !ctr__is_gone(removed) && !first) first = removed;
  }
  ctr__cgroup_tree_free(&tree);
  return first;
}

static int ctr__cgroup_remove_once(const ctr__cgroup *g) {
  char before[PATH_MAX], name[NAME_MAX + 1];
  CTR__AUTO_CLOSE top = ctr__cgroup_open(g);
  if (top < 0) return ctr__is_gone(top) ? 0 : top;
  CTR__AUTO_CLOSE parent = ctr__cgroup_parent(top);
  int r = parent < 0 ? parent : ctr__split(g->path, before, name);
  if (r >= 0) r = ctr__rmdir(parent, name);
  if (r != -EBUSY) return r;
  r = ctr__cgroup_remove_below(top);
  return r < 0 ? r : ctr__rmdir(parent, name);
}

/* Removes all, with what was made below by whoever was inside. The kernel lets go of dead processes
   late: busy ones are tried again for a while. The first error, after all were tried. */
static int ctr__cgroups_remove(const ctr__cgroups *all) {
  ctr__patience patience = {CTR__REMOVE_MS, 1};
  int first;
  bool busy;
  do {
    first = 0;
    busy = false;
    for (size_t i = 0; i < all->count; i++) {
      int r = ctr__cgroup_remove_once(&all->items[i]);
      busy |= r == -EBUSY;
      if (r < 0 && !first) first = r;
    }
  } while (busy && ctr__wait_more(&patience, NULL));
  return first;
}
