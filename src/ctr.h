#ifndef CTR_H_INCLUDED
#define CTR_H_INCLUDED

#if defined CTR_IMPLEMENTATION && !defined _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef CTR_API
#define CTR_API extern
#endif

#ifdef __cplusplus
extern "C" {
#endif

#include "api.h"

#ifdef __cplusplus
}
#endif
#endif /* CTR_H_INCLUDED */

#if defined CTR_IMPLEMENTATION && !defined CTR_IMPLEMENTATION_INCLUDED
#define CTR_IMPLEMENTATION_INCLUDED
#ifdef __cplusplus
#error "ctr.h: the implementation is C; put CTR_IMPLEMENTATION into a .c file"
#endif

#include "base.h"

#include "config.h"

#include "plan.h"

#include "child.h"

#include "parent.h"
#endif /* CTR_IMPLEMENTATION */
