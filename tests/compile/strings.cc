// CTR_STRS in C++: either it is not offered, or it makes lists that outlive the statement.
#include "ctr.h"
#include <cstdio>
#include <cstring>

static const char *word(int which) {
  return which ? "second" : "first";
}

int main(int argc, char **) {
  bool ok = true;
#ifdef CTR_STRS
  ctr_strs strs = CTR_STRS(word(argc - 1), word(argc));
  ctr_strs again = CTR_STRS(word(argc), word(argc - 1), "third");
  ok = strs.count == 2 && again.count == 3 && !std::strcmp(strs.items[0], "first") &&
       !std::strcmp(strs.items[1], "second") && !std::strcmp(again.items[2], "third");
#else
  static_cast<void>(argc);
  static_cast<void>(word);
#endif
  std::puts(ok ? "ok" : "wrong");
  return !ok;
}
