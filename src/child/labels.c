/* Labels are asked for in /proc/self/attr, of a procfs that is one: who could have the write go
   elsewhere would run without (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881). */

static int ctr__child_label(ctr__child *c, const ctr__step *s) {
  static const char attributes[] = "self/attr/";
  const char *file = ctr__arg(c, s, 0);
  char path[64];
  if (strlen(file) + sizeof attributes > sizeof path) return -ENAMETOOLONG;
  ctr__put_str(ctr__put_str(path, attributes), file);
  return ctr__write_proc_arg(c, path, ctr__arg(c, s, 1));
}
