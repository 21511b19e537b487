/* Sources from outside: who opens them, and whose ids their mounts show (config.md "Mounts",
   uidMappings). Ids are mapped before anything is mounted, on the parent's side: only who has
   rights over the file system may, and the child has none over those of the host. */

/* In a user namespace the child is not who the caller is any more: a way through directories that
   are the caller's alone is open to the parent only. */
static uint64_t ctr__may_ask(const ctr__builder *b) {
  return ctr__in_userns(b) && ctr__can_unshare(b->facts) ? CTR__SOURCE_ASK : 0;
}

struct ctr__idmap {
  ctr_id_mappings uids, gids;
};

static bool ctr__same_map(ctr_id_mappings a, ctr_id_mappings b) {
  return a.count == b.count && !memcmp(a.items, b.items, a.count * sizeof *a.items);
}

/* Which map: 1 and on. Equal ones are made once. */
static ctr_code ctr__plan_make_idmap(ctr__builder *b, const char *field,
                                     const struct ctr__idmap *map, uint64_t *ret_number) {
  for (size_t i = 0; i < b->idmap_count; i++)
    if (ctr__same_map(map->uids, b->idmaps[i].uids) && ctr__same_map(map->gids, b->idmaps[i].gids))
      return *ret_number = i + 1, CTR_OK;
  if (!b->idmaps) b->idmaps = ctr__take(b, b->config->mounts.count, sizeof *b->idmaps);
  if (!b->idmaps) return ctr__nomem(b->err);
  b->idmaps[b->idmap_count++] = *map;
  *ret_number = b->idmap_count;
  const ctr__ref uids = ctr__map_text(b, map->uids), gids = ctr__map_text(b, map->gids);
  ctr__parent_step(b, MAKE_IDMAP, .field = field, .ref = {uids, gids},
                   .num = {*ret_number, b->facts->features & CTR_FEATURE_CLONE3,
                           ctr__guards_start(b)});
  ctr_code code = ctr__check_map_text(b, ctr__print(b, "%s.uidMappings", field), uids);
  return code ? code : ctr__check_map_text(b, ctr__print(b, "%s.gidMappings", field), gids);
}

static ctr_code ctr__plan_idmap(ctr__builder *b, const ctr_mount *mount, const char *field,
                                ctr__mount_spec *spec) {
  if (!spec->idmapped) return CTR_OK;
  if (spec->remount)
    return ctr__refuse(b, CTR_E_CONFIG, ctr__print(b, "%s.uidMappings", field),
                       ctr__idmap_too_late);
  if (!ctr__has_setattr(b))
    return ctr__refuse(b, CTR_E_UNSUPPORTED, field,
                       "to map ids needs mount_setattr(2), which came with Linux 5.12");
  if (!ctr__can_unshare(b->facts)) return ctr__lacks(b, CTR__RIGHT_IDMAP, field, NULL);
  spec->source = (spec->idmap_below ? CTR__IDMAP_BELOW : 0) |
                 (ctr__in_userns(b) ? (uint64_t)CTR__IDMAP_LOCKED : 0);
  if (!mount->uidMappings.count && (b->joined_namespaces & CTR_NS_USER)) {
    spec->idmap = 1 + ctr__join_slot(b, CTR_NS_USER);
    spec->source |= CTR__IDMAP_JOINED;
    return CTR_OK;
  }
  const struct ctr__idmap map = {mount->uidMappings.count ? mount->uidMappings : b->uid_map,
                                 mount->uidMappings.count ? mount->gidMappings : b->gid_map};
  return ctr__plan_make_idmap(b, field, &map, &spec->idmap);
}
