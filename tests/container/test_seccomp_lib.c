/* The same with filters that libseccomp makes, where it is installed. */
#if __has_include(<seccomp.h>)
#define CTR_WITH_LIBSECCOMP
#include "test_seccomp.c"
#else
#include "box.h"

TEST(filters_by_libseccomp) {
  SKIP("no libseccomp-dev here");
}

TEST_MAIN
#endif
