/* The library as the analysers see it: its parts, so that a finding names one, and what they cannot
   know by themselves. clang's analyser looks into no function with variable arguments, and knows
   not which texts a step of a plan has. */
#define _GNU_SOURCE 1
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CTR_API extern
#include "api.h"

#include "base.h"

/* They return the code that they are given. */
#define ctr__fail(err, code, ...) (ctr__fail(err, code, __VA_ARGS__), code)
#define ctr__nomem(err)           (ctr__nomem(err), CTR_E_NOMEM)

#include "config.h"

#include "plan.h"

/* What CTR__STEPS says of a kind is there: NULL is possible only where somebody asks for it. */
extern const void *ctr_model_plan_data(const ctr_plan *plan, ctr__ref ref);
#define ctr__plan_data(plan, ref) ctr_model_plan_data(plan, ref)
#define ctr__plan_str(plan, ref)  ((const char *)ctr__plan_data(plan, ref))

#include "child.h"

#include "cgroup.h"

#include "parent.h"

#include "container.h"
