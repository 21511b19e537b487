#include "base/libc.c"

#include "base/arena.c"

#include "base/error.c"

#include "base/sys.c"

#include "base/path.c"

#include "base/file.c"
