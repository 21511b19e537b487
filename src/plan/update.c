/* New limits for a container that is there. The config has them beside what stays as it is; which
   are new, the purpose says. */

/* Which hierarchy a path lies in: below its mount point. */
static ctr__hierarchy *ctr__hierarchy_of_path(ctr__hierarchies *all, const char *path) {
  for (size_t i = 0; i < all->count; i++) {
    const size_t len = strlen(all->items[i].mount_point);
    if (!strncmp(path, all->items[i].mount_point, len) && path[len] == '/' &&
        !ctr__hierarchy_is_hidden(all, i))
      return &all->items[i];
  }
  return NULL;
}

static ctr_code ctr__check_updatable(ctr__builder *b) {
  for (size_t i = 0; i < b->limit_count; i++)
    if (!b->limits[i].hierarchy->container && b->limits[i].rule != CTR__LIMIT_IF_THERE)
      return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, b->limits[i].field,
                       "the container was made without a cgroup that has the controller %.*s: "
                       "linux.cgroupsPath asks for all",
                       (int)ctr__controller_len(b->limits[i].file), b->limits[i].file);
  return CTR_OK;
}

static ctr_code ctr__plan_update(ctr__builder *b) {
  ctr_code code = ctr__hierarchies_read(b);
  for (size_t i = 0; !code && i < b->purpose->cgroups.count; i++) {
    const char *path = b->purpose->cgroups.items[i];
    ctr__hierarchy *hierarchy = ctr__hierarchy_of_path(b->hierarchies, path);
    if (hierarchy) hierarchy->container = path;
  }
  if (!code) code = ctr__collect_limits(b);
  if (!code) code = ctr__check_updatable(b);
  if (code) return code;
  const ctr__hierarchy *v2 = ctr__any_v2(b->hierarchies);
  if (v2 && v2->container && v2->has_limits)
    ctr__plan_make_cgroup(b, v2); /* it is there: its controllers need not be */
  ctr__plan_limits(b);
  if (b->purpose->changed->devices.count) {
    b->device_hierarchy = ctr__hierarchy_for_devices(b);
    code = ctr__plan_device_filter(b);
  }
  return b->nomem ? ctr__nomem(b->err) : code;
}
