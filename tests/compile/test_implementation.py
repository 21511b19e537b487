"""The implementation in every standard, with every compiler for this machine, without a warning."""

import unittest

from compiling import C_COMPILERS, IMPLEMENTATION, STRICT_C, CompileTest, each, expand


@expand
class Implementation(CompileTest):
    def setUp(self):
        super().setUp()
        self.source = self.bring("implementation.c")

    @each(**C_COMPILERS)
    def test_implementation_compiles_with(self, compiler):
        """Every standard, strict ones too: _GNU_SOURCE brings back what they hide. Warnings that
        need the optimiser do not depend on the standard."""
        self.need(compiler)
        ways = [(s, "-O0") for s in ("gnu11", "gnu17", "gnu2x", "c11", "c17", "c2x")]
        ways += [("gnu11", "-O2"), ("gnu11", "-O3"), ("gnu17", "-Os"), ("gnu2x", "-O2")]
        self.assert_all_compile(
            [(compiler, f"-std={s}", level, *STRICT_C, "-c", self.source, "-o",
              self.room / f"{s}{level}.o") for s, level in ways if self.knows(compiler, s)])

    @each(**C_COMPILERS)
    def test_static_implementation_has_no_unused_warnings_with(self, compiler):
        self.need(compiler)
        self.assert_all_compile(
            [(compiler, "-DCTR_STATIC", "-std=gnu11", level, *STRICT_C, "-Wunused", "-c",
              self.source, "-o", self.room / f"{level}.o") for level in ("-O0", "-O2")])

    @each(**C_COMPILERS)
    def test_hardened_implementation_compiles_with(self, compiler):
        self.need(compiler)
        self.assert_all_compile([
            (compiler, "-std=gnu11", *STRICT_C, *flags, "-c", self.source, "-o",
             self.room / f"{number}.o")
            for number, flags in enumerate([
                ("-O2", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong"),
                ("-O1", "-fsanitize=undefined", "-g"),
                ("-O2", "-DNDEBUG", "-fno-strict-aliasing", "-funsigned-char")])])

    def test_implementation_in_cxx_is_refused_with_words(self):
        self.need("g++")
        result = self.compile("g++", "-fsyntax-only", self.write("a.cc", IMPLEMENTATION))
        errors = [line for line in result.stderr.splitlines() if "error:" in line]
        self.assertIn("the implementation is C; put CTR_IMPLEMENTATION into a .c file", errors[0])

    def test_static_and_another_linkage_exclude_each_other_with_words(self):
        self.need("gcc")
        result = self.compile("gcc", "-DCTR_STATIC", "-DCTR_API=extern", "-fsyntax-only",
                              self.source)
        self.assertIn("CTR_STATIC and CTR_API exclude each other", result.stderr)

    def test_kernel_headers_may_follow(self):
        """Those that get along with libc's own headers, which the implementation includes."""
        self.need("gcc")
        headers = ("capability", "seccomp", "filter", "audit", "bpf", "mount", "openat2", "sched",
                   "fs", "prctl", "netlink", "rtnetlink", "magic", "keyctl", "close_range")
        self.assert_all_compile([
            ("gcc", "-std=gnu11", "-fsyntax-only",
             self.write(f"{h}.c", f"{IMPLEMENTATION}#include <linux/{h}.h>\n")) for h in headers])


if __name__ == "__main__":
    unittest.main()
