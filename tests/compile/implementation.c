#define CTR_IMPLEMENTATION
#include "ctr.h"
