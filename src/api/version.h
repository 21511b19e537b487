/* ---- version --------------------------------------------------------------------------------- */

#define CTR_VERSION_MAJOR 0
#define CTR_VERSION_MINOR 1
#define CTR_VERSION_PATCH 0

#define CTR_VERSION_TEXT_(major, minor, patch) #major "." #minor "." #patch
#define CTR_VERSION_EXPAND_(major, minor, patch) CTR_VERSION_TEXT_(major, minor, patch)
#define CTR_VERSION                                                                                \
  CTR_VERSION_EXPAND_(CTR_VERSION_MAJOR, CTR_VERSION_MINOR, CTR_VERSION_PATCH)
