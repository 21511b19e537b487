#include "config/json_read.c"

#include "config/json_write.c"

#include "config/names.c"

#include "config/table.c"

#include "config/landlock.c"

#include "config/read.c"

#include "config/check.c"

#include "config/write.c"

#include "config/subids.c"

#include "config/defaults.c"
