/* Whether the caller's own program has to be kept from the container, and by which steps. */

static bool ctr__has_setattr(const ctr__builder *b) {
  return b->facts->features & CTR_FEATURE_MOUNT_SETATTR;
}

static bool ctr__has_uid(const ctr__builder *b, uint32_t uid) {
  for (size_t i = 0; i < b->uid_map.count; i++)
    if (uid >= b->uid_map.items[i].hostID &&
        uid - b->uid_map.items[i].hostID < b->uid_map.items[i].size)
      return true;
  return false;
}

/* Its owner can always give themselves the right; what the group may, an access control list may
   hide (acl(5)). Without a user namespace somebody is the host's root. */
static bool ctr__program_is_in_reach(const ctr__builder *b) {
  const ctr__facts *f = b->facts;
  if (f->program == CTR__PROGRAM_SAFE) return false;
  /* Without a root of its own the host's files are there as they are. */
  if (!b->own_mounts && !(b->joined_namespaces & CTR_NS_MOUNT)) return false;
  if (f->program == CTR__PROGRAM_WRITABLE || !ctr__in_userns(b) || !b->uid_map.count) return true;
  return ctr__has_uid(b, f->program_uid);
}

/* by_mount: whoever does it has rights over the mount namespace that it is in. */
static void ctr__seal_step(ctr__builder *b, enum ctr__lane lane, bool by_mount) {
  by_mount &= ctr__has_setattr(b);
  b->hides_program = true;
  ctr__add_step(b, lane, CTR__STEP_SEAL_PROGRAM,
                &(ctr__new_step){.str = {by_mount ? "a read-only view" : "a sealed copy"},
                                 .num = {by_mount, (uint64_t)sysconf(_SC_PAGESIZE)}});
}

static void ctr__hide_step(ctr__builder *b, enum ctr__lane lane) {
  ctr__add_step(b, lane, CTR__STEP_HIDE_PROGRAM, &(ctr__new_step){.field = NULL});
}

/* Of a process in namespaces of its own: nobody is there yet who could see it. */
static void ctr__plan_own_program(ctr__builder *b) {
  if (b->joined_namespaces || !ctr__program_is_in_reach(b)) return;
  ctr__seal_step(b, CTR__LANE_CHILD, true);
  ctr__hide_step(b, CTR__LANE_CHILD);
}

/* One that joins some is to have let go of it before it can be seen from there: the intermediate
   process, whose memory the real one has a copy of. Who has no rights gets them with the user
   namespace that is joined; from there no mount of the host's can be copied. */
static void ctr__plan_stage_program(ctr__builder *b, bool is_joined) {
  const bool may = ctr__can_unshare(b->facts);
  if (!ctr__program_is_in_reach(b)) return;
  if (!is_joined) ctr__seal_step(b, CTR__LANE_STAGE, may);
  if (is_joined != may) ctr__hide_step(b, CTR__LANE_STAGE);
}

static ctr_code ctr__check_program(ctr__builder *b) {
  return !b->hides_program || (b->facts->features & CTR_FEATURE_HIDE_PROGRAM)
             ? CTR_OK
             : ctr__refuse(b, CTR_E_UNSUPPORTED, NULL,
                           "code inside could write to the caller's program (CVE-2019-5736), which "
                           "this kernel cannot hide (CONFIG_CHECKPOINT_RESTORE): call "
                           "ctr_seal_program first in main(), or let the program be on a "
                           "read-only mount or belong to an id that the container does not map");
}
