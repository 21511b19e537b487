/* A mount of type cgroup: what default configs put on /sys/fs/cgroup. It becomes plain mount and
   bind steps. */

/* Co-mounted controllers are also known by each one's name: cpu -> cpu,cpuacct. */
static void ctr__plan_controller_links(ctr__builder *b, const char *field, const char *destination,
                                       const char *name) {
  if (!strchr(name, ',')) return;
  for (size_t at = 0, len; name[at]; at += len + (name[at + len] == ',')) {
    len = strcspn(name + at, ",");
    const char *link = ctr__print(b, "%s/%.*s", destination, (int)len, &name[at]);
    ctr__child_step(b, SYMLINK, .field = field, .str = {link, name});
  }
}

static ctr_code ctr__plan_bound_hierarchy(ctr__builder *b, const ctr_mount *mount,
                                          const char *field, const ctr__mount_spec *spec,
                                          const ctr__hierarchies *all,
                                          const ctr__hierarchy *hierarchy) {
  const char *name = hierarchy->name;
  ctr_mount bind = {.destination = ctr__print(b, "%s/%s", mount->destination, name)};
  if (!bind.destination) return ctr__nomem(b->err);
  ctr_code code = ctr__own_cgroup_path(b, field, all, hierarchy, &bind.source);
  if (!code) code = ctr__plan_bind(b, &bind, field, spec);
  if (!code) ctr__plan_controller_links(b, field, mount->destination, name);
  return code;
}

/* v1 and hybrid: a tmpfs with the cgroup of each hierarchy bound in. */
static ctr_code ctr__plan_cgroup_v1(ctr__builder *b, const ctr_mount *mount, const char *field,
                                    const ctr__mount_spec *spec, const ctr__hierarchies *all) {
  const uint64_t set = (spec->set & ~spec->rec_clr) | spec->rec_set;
  const char *label = ctr__label_for(b, "tmpfs", mount->options);
  const char *options[] = {"source=cgroup", "mode=755",
                           label ? ctr__print(b, "context=%s", label) : NULL};
  ctr__child_step(b, MOUNT_FS, .field = field, .str = {mount->destination, "tmpfs"},
                  .ref = {0, 0, ctr__add_strs(b, (ctr_strs){options, label ? 3 : 2})},
                  .num = {set & ~(uint64_t)CTR__ATTR_RDONLY});
  for (size_t i = 0; i < all->count; i++) {
    if (ctr__hierarchy_is_hidden(all, i)) continue;
    ctr_code code = ctr__plan_bound_hierarchy(b, mount, field, spec, all, &all->items[i]);
    if (code) return code;
  }
  ctr__plan_set_attr(b, field, mount->destination, set & CTR__ATTR_RDONLY, 0);
  return CTR_OK;
}

/* v2: one file system. The kernel lets a user namespace mount it only together with a cgroup
   namespace of its own (cgroup_namespaces(7)); else the caller's cgroup is bound. */
static ctr_code ctr__plan_cgroup_v2(ctr__builder *b, const ctr_mount *mount, const char *field,
                                    ctr__mount_spec *spec, const ctr__hierarchies *all) {
  bool in_userns = !b->facts->initial_userns || ctr__in_userns(b);
  ctr_mount made = *mount;
  if (in_userns && !(b->new_namespaces & CTR_NS_CGROUP)) {
    ctr_code code = ctr__own_cgroup_path(b, field, all, &all->items[all->count - 1], &made.source);
    return code ? code : ctr__plan_bind(b, &made, field, spec);
  }
  made.type = "cgroup2";
  made.source = "cgroup";
  return ctr__plan_new_fs(b, &made, field, spec);
}

static ctr_code ctr__plan_cgroup_mount(ctr__builder *b, const ctr_mount *mount, const char *field,
                                       ctr__mount_spec *spec) {
  if (spec->data_count)
    return ctr__fail(
        b->err, CTR_E_CONFIG, 0, field,
        "\"%.64s\": the hierarchies are there already and take no options of their own",
        spec->data[0]);
  if (spec->idmapped)
    return ctr__refuse(b, CTR_E_CONFIG, field,
                       "type cgroup: the kernel maps no ids of cgroup hierarchies");
  ctr_code code = ctr__hierarchies_read(b);
  if (code) return code;
  const ctr__hierarchies *all = b->hierarchies;
  if (!all->count)
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                     "type cgroup: this machine has no cgroup hierarchy mounted");
  if (all->v1_count) return ctr__plan_cgroup_v1(b, mount, field, spec, all);
  return ctr__plan_cgroup_v2(b, mount, field, spec, all);
}
