/* Rights as landlock(7) has them: bits of the kernel's include/uapi/linux/landlock.h, and the
   version of its interface that each came with. */

enum ctr__landlock_kind {
  CTR__LANDLOCK_FS,
  CTR__LANDLOCK_NET,
  CTR__LANDLOCK_SCOPE,
  CTR__LANDLOCK_KINDS,
};

/* Where rights of each kind are given up. */
static const char *const ctr__landlock_fields[CTR__LANDLOCK_KINDS] = {
    [CTR__LANDLOCK_FS] = "landlock.handledAccessFs",
    [CTR__LANDLOCK_NET] = "landlock.handledAccessNet",
    [CTR__LANDLOCK_SCOPE] = "landlock.scoped",
};

static ctr_strs ctr__landlock_names(const ctr_landlock *asked, enum ctr__landlock_kind kind) {
  return kind == CTR__LANDLOCK_FS    ? asked->handledAccessFs
         : kind == CTR__LANDLOCK_NET ? asked->handledAccessNet
                                     : asked->scoped;
}

enum {
  CTR__LANDLOCK_FILE = 0xc007,  /* what can be said of something that is no directory */
  CTR__LANDLOCK_READ = 0x000c,  /* read_file, read_dir                                */
  CTR__LANDLOCK_WRITE = 0x7ff2, /* write_file, and remove_dir to truncate             */
};

/* In the order of their bits; then groups of them, which came with no version. */
static const struct ctr__landlock_right {
  const char *name;
  uint8_t kind, abi;
  uint16_t bits;
} ctr__landlock_rights[] = {
    {"execute", CTR__LANDLOCK_FS, 1, 1 << 0},
    {"write_file", CTR__LANDLOCK_FS, 1, 1 << 1},
    {"read_file", CTR__LANDLOCK_FS, 1, 1 << 2},
    {"read_dir", CTR__LANDLOCK_FS, 1, 1 << 3},
    {"remove_dir", CTR__LANDLOCK_FS, 1, 1 << 4},
    {"remove_file", CTR__LANDLOCK_FS, 1, 1 << 5},
    {"make_char", CTR__LANDLOCK_FS, 1, 1 << 6},
    {"make_dir", CTR__LANDLOCK_FS, 1, 1 << 7},
    {"make_reg", CTR__LANDLOCK_FS, 1, 1 << 8},
    {"make_sock", CTR__LANDLOCK_FS, 1, 1 << 9},
    {"make_fifo", CTR__LANDLOCK_FS, 1, 1 << 10},
    {"make_block", CTR__LANDLOCK_FS, 1, 1 << 11},
    {"make_sym", CTR__LANDLOCK_FS, 1, 1 << 12},
    {"refer", CTR__LANDLOCK_FS, 2, 1 << 13},
    {"truncate", CTR__LANDLOCK_FS, 3, 1 << 14},
    {"ioctl_dev", CTR__LANDLOCK_FS, 5, 1 << 15},
    {"bind_tcp", CTR__LANDLOCK_NET, 4, 1 << 0},
    {"connect_tcp", CTR__LANDLOCK_NET, 4, 1 << 1},
    {"abstract_unix_socket", CTR__LANDLOCK_SCOPE, 6, 1 << 0},
    {"signal", CTR__LANDLOCK_SCOPE, 6, 1 << 1},
    {"read", CTR__LANDLOCK_FS, 0, CTR__LANDLOCK_READ},
    {"write", CTR__LANDLOCK_FS, 0, CTR__LANDLOCK_WRITE},
    {"all", CTR__LANDLOCK_FS, 0, 0xffff},
    {"all", CTR__LANDLOCK_NET, 0, 3},
    {"all", CTR__LANDLOCK_SCOPE, 0, 3},
};
enum { CTR__LANDLOCK_ROWS = sizeof ctr__landlock_rights / sizeof *ctr__landlock_rights };

static const struct ctr__landlock_right *ctr__landlock_find(enum ctr__landlock_kind kind,
                                                            const char *name) {
  for (size_t i = 0; i < CTR__LANDLOCK_ROWS; i++)
    if (ctr__landlock_rights[i].kind == kind && !strcmp(ctr__landlock_rights[i].name, name))
      return &ctr__landlock_rights[i];
  return NULL;
}

/* The bits of names that are known. */
static uint64_t ctr__landlock_bits(enum ctr__landlock_kind kind, ctr_strs names) {
  uint64_t bits = 0;
  for (size_t i = 0; i < names.count; i++) bits |= ctr__landlock_find(kind, names.items[i])->bits;
  return bits;
}
