/* Preloaded (ld.so(8)) under valgrind, which answers ENOSYS to system calls that it does not know:
   3.19 knows none of these, without which no container starts. Made on the real CPU
   (valgrind/valgrind.h, VALGRIND_NON_SIMD_CALL1) they are not looked at, which does no harm: none
   of them writes to memory. */
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <valgrind/valgrind.h>

static const long unknown[] = {SYS_pidfd_send_signal, SYS_open_tree, SYS_move_mount, SYS_fsopen,
                               SYS_fsconfig,          SYS_fsmount,   SYS_pidfd_open, SYS_openat2,
                               SYS_mount_setattr,     SYS_seccomp};

typedef struct call {
  long number, arg[6];
} call;

static long made_for_real(long thread, const call *c) {
  (void)thread;
  register long r10 __asm__("r10") = c->arg[3], r8 __asm__("r8") = c->arg[4],
                    r9 __asm__("r9") = c->arg[5];
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(c->number), "D"(c->arg[0]), "S"(c->arg[1]), "d"(c->arg[2]), "r"(r10),
                     "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

long syscall(long number, ...) {
  call c = {.number = number};
  va_list args;
  va_start(args, number);
  for (int i = 0; i < 6; i++) c.arg[i] = va_arg(args, long);
  va_end(args);
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    if (unknown[i] != number) continue;
    const long result = (long)VALGRIND_NON_SIMD_CALL1(made_for_real, &c);
    if (result >= 0) return result;
    errno = (int)-result;
    return -1;
  }
  long (*const libc)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  return libc(number, c.arg[0], c.arg[1], c.arg[2], c.arg[3], c.arg[4], c.arg[5]);
}
