/* libc only: kernel headers and libc headers redefine each other's names on one libc or another,
   so what the kernel adds is declared by ourselves, under our own names (base/sys.c). */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <net/if.h>
#include <time.h>
#include <unistd.h>

#ifdef CTR_WITH_LIBSECCOMP
#include <seccomp.h>
#endif

#if !defined CLONE_NEWNS || !defined O_PATH
#error "ctr.h: define _GNU_SOURCE (or CTR_IMPLEMENTATION) before the first #include of this file"
#endif

#if defined CTR_MALLOC != defined CTR_FREE
#error "ctr.h: define both of CTR_MALLOC and CTR_FREE, or none"
#endif
#ifndef CTR_MALLOC
#define CTR_MALLOC(size) malloc(size)
#define CTR_FREE(ptr)    free(ptr)
#endif
