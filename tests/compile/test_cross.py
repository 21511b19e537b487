"""The implementation for other machines, without a warning."""

import os
import unittest

from compiling import STRICT_C, TOP, CompileTest, each, expand, run

# Debian: gcc-aarch64-linux-gnu and so on, each with the libc6-dev-ARCH-cross it recommends.
CROSS_COMPILERS = {
    "aarch64": "aarch64-linux-gnu-gcc", "armhf": "arm-linux-gnueabihf-gcc",
    "i686": "i686-linux-gnu-gcc", "ppc64le": "powerpc64le-linux-gnu-gcc",
    "riscv64": "riscv64-linux-gnu-gcc", "s390x": "s390x-linux-gnu-gcc",
}


@expand
class Cross(CompileTest):
    @each(**CROSS_COMPILERS)
    def test_implementation_compiles_and_links_for(self, compiler):
        self.need(compiler)
        source = self.bring("implementation.c")
        hello = self.room / "hello.c"
        hello.write_bytes((TOP / "examples/hello.c").read_bytes())
        wide = ("-D_FILE_OFFSET_BITS=64", "-D_TIME_BITS=64")
        self.assert_all_compile([
            (compiler, "-std=gnu11", "-O2", *STRICT_C, "-c", source, "-o", self.room / "1.o"),
            (compiler, "-std=c11", "-O0", *STRICT_C, *wide, "-c", source, "-o",
             self.room / "2.o"),
            (compiler, "-std=gnu11", "-O0", *STRICT_C, hello, "-o", self.room / "hello")])

    def test_filters_for_i386_hold_socketcall_and_ipc(self):
        """The one among these that this machine runs, and that has what x86_64 does not."""
        self.need("i686-linux-gnu-gcc")
        if os.uname().machine != "x86_64":
            self.skipTest("this machine runs no programs of i386")
        program = self.room / "test_seccomp"
        self.assert_all_compile([("i686-linux-gnu-gcc", "-static", "-std=gnu11", "-O1", "-w",
                                  TOP / "tests/unit/test_seccomp.c", "-o", program)])
        result = run([program], TOP)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("what_a_multiplexer_can_be_asked_for", result.stdout)


if __name__ == "__main__":
    unittest.main()
