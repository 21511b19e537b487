#include "api/version.h"

#include "api/base.h"

#include "api/json.h"

#include "api/config.h"

#include "api/plan.h"

#include "api/process.h"

#include "api/container.h"

#include "api/stats.h"

#include "api/program.h"
