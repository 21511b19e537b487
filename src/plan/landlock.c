/* config.landlock: rulesets as steps (landlock(7)). */

/* The release that each version of the interface came with. */
static const char *const ctr__landlock_releases[] = {"",    "5.13", "5.19", "6.2",
                                                     "6.7", "6.10", "6.12"};

/* Of what is asked for, by a name each, what this kernel has; the rest is refused, or warned of. */
static ctr_code ctr__landlock_supported(ctr__builder *b, enum ctr__landlock_kind kind,
                                        uint64_t *ret) {
  const ctr_strs names = ctr__landlock_names(b->config->landlock, kind);
  const int abi = b->facts->landlock_abi;
  *ret = ctr__landlock_bits(kind, names);
  for (size_t i = 0; i < CTR__LANDLOCK_ROWS; i++) {
    const struct ctr__landlock_right *right = &ctr__landlock_rights[i];
    if (right->kind != kind || !(*ret & right->bits) || right->abi <= abi) continue;
    size_t at = 0;
    while (!(ctr__landlock_find(kind, names.items[at])->bits & right->bits)) at++;
    const char *field = ctr__print(b, "%s[%zu]", ctr__landlock_fields[kind], at);
    const char *text = ctr__print(b, "%s takes version %d of Landlock, which came with Linux %s",
                                  right->name, right->abi, ctr__landlock_releases[right->abi]);
    if (b->nomem) return ctr__nomem(b->err);
    if (!b->config->landlock->bestEffort)
      return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                       "%s: this kernel has %d (0: none, or none that is enabled); with bestEffort "
                       "it is left out",
                       text, abi);
    ctr__log(&b->desc->log, CTR_LOG_WARNING, field, "left out: %s; this kernel has %d", text, abi);
    *ret &= ~(uint64_t)right->bits;
  }
  return CTR_OK;
}

/* A rule without rights is none (landlock_add_rule(2), ENOMSG). */
static void ctr__plan_landlock_rules(ctr__builder *b, const uint64_t handled[CTR__LANDLOCK_KINDS]) {
  const ctr_landlock *asked = b->config->landlock;
  for (size_t i = 0; i < asked->pathBeneath.count; i++) {
    const ctr_landlock_path *rule = &asked->pathBeneath.items[i];
    const uint64_t allowed =
        ctr__landlock_bits(CTR__LANDLOCK_FS, rule->allowedAccess) & handled[CTR__LANDLOCK_FS];
    for (size_t p = 0; p < rule->paths.count && allowed; p++)
      ctr__child_step(b, LANDLOCK_PATH,
                      .field = ctr__print(b, "landlock.pathBeneath[%zu].paths[%zu]", i, p),
                      .str = {rule->paths.items[p]},
                      .num = {allowed, allowed & CTR__LANDLOCK_FILE});
  }
  for (size_t i = 0; i < asked->netPort.count; i++) {
    const ctr_landlock_port *rule = &asked->netPort.items[i];
    const uint64_t allowed =
        ctr__landlock_bits(CTR__LANDLOCK_NET, rule->allowedAccess) & handled[CTR__LANDLOCK_NET];
    for (size_t p = 0; p < rule->ports.count && allowed; p++)
      ctr__child_step(b, LANDLOCK_PORT,
                      .field = ctr__print(b, "landlock.netPort[%zu].ports[%zu]", i, p),
                      .num = {allowed, rule->ports.items[p]});
  }
}

static ctr_code ctr__plan_landlock(ctr__builder *b) {
  uint64_t handled[CTR__LANDLOCK_KINDS] = {0}, any = 0;
  ctr_code code = CTR_OK;
  if (!b->config->landlock) return CTR_OK;
  for (int kind = 0; kind < CTR__LANDLOCK_KINDS && !code; kind++) {
    code = ctr__landlock_supported(b, (enum ctr__landlock_kind)kind, &handled[kind]);
    any |= handled[kind];
  }
  if (code || !any) return code;
  ctr__child_step(b, LANDLOCK, .field = "landlock",
                  .num = {handled[CTR__LANDLOCK_FS], handled[CTR__LANDLOCK_NET],
                          handled[CTR__LANDLOCK_SCOPE]});
  ctr__plan_landlock_rules(b, handled);
  ctr__child_step(b, LANDLOCK_RESTRICT, .field = "landlock");
  return CTR_OK;
}
