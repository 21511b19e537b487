/* System calls by name. The numbers are the architecture's, and those of the kernel headers that
   this is compiled with; from 424 on there is one for all (syscalls(2)), known here whatever the
   headers. What a header defines is made text, because what it does not define is text in any case.
 */

#ifndef CTR_WITH_LIBSECCOMP /* it has its own */

#define CTR__TEXT_OF(token)   #token
#define CTR__TEXT(number)     CTR__TEXT_OF(number)
#define CTR__EITHER(one, two) CTR__TEXT(one) "|" CTR__TEXT(two)

#if defined __x86_64__ && !defined __ILP32__
#define CTR__IF_X86_64(number) number
#else
#define CTR__IF_X86_64(number) none
#endif
#ifdef __riscv
#define CTR__IF_RISCV(number) number
#else
#define CTR__IF_RISCV(number) none
#endif
#if ULONG_MAX == UINT32_MAX /* where time_t had 32 bits: a second call for 64 */
#define CTR__IF_32_BIT(number) number
#else
#define CTR__IF_32_BIT(number) none
#endif

/* All that any architecture has, in the order of strcmp(3). X: by the headers; N: by a number that
   is known; A: or as one of ARM's own; M: or as musl calls it where time_t has 64 bits; S and I: or
   as that call of socketcall(2) and ipc(2). */
/* clang-format off */
#define CTR__SYSCALLS(X, N, A, M, S, I)                                                            \
  X(_llseek) X(_newselect) X(_sysctl) S(accept, 5) S(accept4, 18) X(access) X(acct) X(add_key)     \
  X(adjtimex) X(afs_syscall) X(alarm) X(arch_prctl) X(arm_fadvise64_64) X(arm_sync_file_range)     \
  X(bdflush) S(bind, 2) X(bpf) X(break) A(breakpoint) X(brk) X(cachectl) A(cacheflush)             \
  N(cachestat, 451) X(capget) X(capset) X(chdir) X(chmod) X(chown) X(chown32) X(chroot)            \
  X(clock_adjtime) N(clock_adjtime64, CTR__IF_32_BIT(405)) M(clock_getres, clock_getres_time32)    \
  N(clock_getres_time64, CTR__IF_32_BIT(406)) M(clock_gettime, clock_gettime32)                    \
  N(clock_gettime64, CTR__IF_32_BIT(403)) M(clock_nanosleep, clock_nanosleep_time32)               \
  N(clock_nanosleep_time64, CTR__IF_32_BIT(407)) M(clock_settime, clock_settime32)                 \
  N(clock_settime64, CTR__IF_32_BIT(404)) X(clone) N(clone3, 435) X(close) N(close_range, 436)     \
  S(connect, 3) X(copy_file_range) X(creat) X(create_module) X(delete_module) X(dup) X(dup2)       \
  X(dup3) X(epoll_create) X(epoll_create1) X(epoll_ctl) X(epoll_ctl_old) X(epoll_pwait)            \
  N(epoll_pwait2, 441) X(epoll_wait) X(epoll_wait_old) X(eventfd) X(eventfd2) X(execve)            \
  X(execveat) X(exit) X(exit_group) X(faccessat) N(faccessat2, 439) X(fadvise64) X(fadvise64_64)   \
  X(fallocate) X(fanotify_init) X(fanotify_mark) X(fchdir) X(fchmod) X(fchmodat)                   \
  N(fchmodat2, 452) X(fchown) X(fchown32) X(fchownat) X(fcntl) X(fcntl64) X(fdatasync)             \
  X(fgetxattr) N(file_getattr, 468) N(file_setattr, 469) X(finit_module) X(flistxattr) X(flock)    \
  X(fork) X(fremovexattr) N(fsconfig, 431) X(fsetxattr) N(fsmount, 432) N(fsopen, 430)             \
  N(fspick, 433) X(fstat) X(fstat64) X(fstatat64) X(fstatfs) X(fstatfs64) X(fsync) X(ftime)        \
  X(ftruncate) X(ftruncate64) X(futex) N(futex_requeue, 456) N(futex_time64, CTR__IF_32_BIT(422))  \
  N(futex_wait, 455) N(futex_waitv, 449) N(futex_wake, 454) X(futimesat) X(get_kernel_syms)        \
  X(get_mempolicy) X(get_robust_list) X(get_thread_area) A(get_tls) X(getcpu) X(getcwd)            \
  X(getdents) X(getdents64) X(getegid) X(getegid32) X(geteuid) X(geteuid32) X(getgid) X(getgid32)  \
  X(getgroups) X(getgroups32) X(getitimer) S(getpeername, 7) X(getpgid) X(getpgrp) X(getpid)       \
  X(getpmsg) X(getppid) X(getpriority) X(getrandom) X(getresgid) X(getresgid32) X(getresuid)       \
  X(getresuid32) X(getrlimit) X(getrusage) X(getsid) S(getsockname, 6) S(getsockopt, 15)           \
  X(gettid) M(gettimeofday, gettimeofday_time32) X(getuid) X(getuid32) X(getxattr)                 \
  N(getxattrat, 464) X(gtty) X(idle) X(init_module) X(inotify_add_watch) X(inotify_init)           \
  X(inotify_init1) X(inotify_rm_watch) X(io_cancel) X(io_destroy) X(io_getevents)                  \
  X(io_pgetevents) N(io_pgetevents_time64, CTR__IF_32_BIT(416)) X(io_setup) X(io_submit)           \
  N(io_uring_enter, 426) N(io_uring_register, 427) N(io_uring_setup, 425) X(ioctl) X(ioperm)       \
  X(iopl) X(ioprio_get) X(ioprio_set) X(ipc) X(kcmp) X(kexec_file_load) X(kexec_load) X(keyctl)    \
  X(kill) N(landlock_add_rule, 445) N(landlock_create_ruleset, 444)                                \
  N(landlock_restrict_self, 446) X(lchown) X(lchown32) X(lgetxattr) X(link) X(linkat)              \
  S(listen, 4) N(listmount, 458) N(listns, 470) X(listxattr) N(listxattrat, 465) X(llistxattr)     \
  X(llseek) X(lock) X(lookup_dcookie) X(lremovexattr) X(lseek) X(lsetxattr)                        \
  N(lsm_get_self_attr, 459) N(lsm_list_modules, 461) N(lsm_set_self_attr, 460) X(lstat)            \
  X(lstat64) X(madvise) N(map_shadow_stack, 453) X(mbind) X(membarrier) X(memfd_create)            \
  N(memfd_secret, 447) X(migrate_pages) X(mincore) X(mkdir) X(mkdirat) X(mknod) X(mknodat)         \
  X(mlock) X(mlock2) X(mlockall) X(mmap) X(mmap2) X(modify_ldt) X(mount) N(mount_setattr, 442)     \
  N(move_mount, 429) X(move_pages) X(mprotect) X(mpx) X(mq_getsetattr) X(mq_notify) X(mq_open)     \
  X(mq_timedreceive) N(mq_timedreceive_time64, CTR__IF_32_BIT(419)) X(mq_timedsend)                \
  N(mq_timedsend_time64, CTR__IF_32_BIT(418)) X(mq_unlink) X(mremap) N(mseal, 462) I(msgctl, 14)   \
  I(msgget, 13) I(msgrcv, 12) I(msgsnd, 11) X(msync) X(multiplexer) X(munlock) X(munlockall)       \
  X(munmap) X(name_to_handle_at) X(nanosleep) X(newfstatat) X(nfsservctl) X(nice) X(oldfstat)      \
  X(oldlstat) X(oldolduname) X(oldstat) X(olduname) X(open) X(open_by_handle_at)                   \
  N(open_tree, 428) N(open_tree_attr, 467) X(openat) N(openat2, 437) X(pause) X(pciconfig_iobase)  \
  X(pciconfig_read) X(pciconfig_write) X(perf_event_open) X(personality) N(pidfd_getfd, 438)       \
  N(pidfd_open, 434) N(pidfd_send_signal, 424) X(pipe) X(pipe2) X(pivot_root) X(pkey_alloc)        \
  X(pkey_free) X(pkey_mprotect) X(poll) X(ppoll) N(ppoll_time64, CTR__IF_32_BIT(414)) X(prctl)     \
  X(pread64) X(preadv) X(preadv2) X(prlimit64) N(process_madvise, 440) N(process_mrelease, 448)    \
  X(process_vm_readv) X(process_vm_writev) X(prof) X(profil) X(pselect6)                           \
  N(pselect6_time64, CTR__IF_32_BIT(413)) X(ptrace) X(putpmsg) X(pwrite64) X(pwritev) X(pwritev2)  \
  X(query_module) X(quotactl) N(quotactl_fd, 443) X(read) X(readahead) X(readdir) X(readlink)      \
  X(readlinkat) X(readv) X(reboot) S(recv, 10) S(recvfrom, 12) S(recvmmsg, 19)                     \
  N(recvmmsg_time64, CTR__IF_32_BIT(417)) S(recvmsg, 17) X(remap_file_pages) X(removexattr)        \
  N(removexattrat, 466) X(rename) X(renameat) X(renameat2) X(request_key) X(restart_syscall)       \
  X(riscv_flush_icache) N(riscv_hwprobe, CTR__IF_RISCV(258)) X(rmdir) X(rseq)                      \
  N(rseq_slice_yield, 471) X(rt_sigaction) X(rt_sigpending) X(rt_sigprocmask) X(rt_sigqueueinfo)   \
  X(rt_sigreturn) X(rt_sigsuspend) X(rt_sigtimedwait)                                              \
  N(rt_sigtimedwait_time64, CTR__IF_32_BIT(421)) X(rt_tgsigqueueinfo) X(rtas)                      \
  X(s390_guarded_storage) X(s390_pci_mmio_read) X(s390_pci_mmio_write) X(s390_runtime_instr)       \
  X(s390_sthyi) X(sched_get_priority_max) X(sched_get_priority_min) X(sched_getaffinity)           \
  X(sched_getattr) X(sched_getparam) X(sched_getscheduler) X(sched_rr_get_interval)                \
  N(sched_rr_get_interval_time64, CTR__IF_32_BIT(423)) X(sched_setaffinity) X(sched_setattr)       \
  X(sched_setparam) X(sched_setscheduler) X(sched_yield) X(seccomp) X(security) X(select)          \
  I(semctl, 3) I(semget, 2) I(semop, 1) I(semtimedop, 4)                                           \
  N(semtimedop_time64, CTR__IF_32_BIT(420)) S(send, 9) X(sendfile) X(sendfile64) S(sendmmsg, 20)   \
  S(sendmsg, 16) S(sendto, 11) X(set_mempolicy) N(set_mempolicy_home_node, 450)                    \
  X(set_robust_list) X(set_thread_area) X(set_tid_address) A(set_tls) X(setdomainname)             \
  X(setfsgid) X(setfsgid32) X(setfsuid) X(setfsuid32) X(setgid) X(setgid32) X(setgroups)           \
  X(setgroups32) X(sethostname) X(setitimer) X(setns) X(setpgid) X(setpriority) X(setregid)        \
  X(setregid32) X(setresgid) X(setresgid32) X(setresuid) X(setresuid32) X(setreuid) X(setreuid32)  \
  X(setrlimit) X(setsid) S(setsockopt, 14) M(settimeofday, settimeofday_time32) X(setuid)          \
  X(setuid32) X(setxattr) N(setxattrat, 463) X(sgetmask) I(shmat, 21) I(shmctl, 24) I(shmdt, 22)   \
  I(shmget, 23) S(shutdown, 13) X(sigaction) X(sigaltstack) X(signal) X(signalfd) X(signalfd4)     \
  X(sigpending) X(sigprocmask) X(sigreturn) X(sigsuspend) S(socket, 1) X(socketcall)               \
  S(socketpair, 8) X(splice) X(spu_create) X(spu_run) X(ssetmask) X(stat) X(stat64) X(statfs)      \
  X(statfs64) N(statmount, 457) X(statx) X(stime) X(stty) X(subpage_prot) X(swapcontext)           \
  X(swapoff) X(swapon) X(switch_endian) X(symlink) X(symlinkat) X(sync) X(sync_file_range)         \
  X(sync_file_range2) X(syncfs) X(sys_debug_setcontext) X(syscall) X(sysfs) X(sysinfo) X(syslog)   \
  X(sysmips) X(tee) X(tgkill) X(time) X(timer_create) X(timer_delete) X(timer_getoverrun)          \
  M(timer_gettime, timer_gettime32) N(timer_gettime64, CTR__IF_32_BIT(408))                        \
  M(timer_settime, timer_settime32) N(timer_settime64, CTR__IF_32_BIT(409)) X(timerfd)             \
  X(timerfd_create) M(timerfd_gettime, timerfd_gettime32)                                          \
  N(timerfd_gettime64, CTR__IF_32_BIT(410)) M(timerfd_settime, timerfd_settime32)                  \
  N(timerfd_settime64, CTR__IF_32_BIT(411)) X(times) X(tkill) X(truncate) X(truncate64)            \
  X(tuxcall) X(ugetrlimit) X(ulimit) X(umask) X(umount) X(umount2) X(uname) X(unlink) X(unlinkat)  \
  X(unshare) N(uprobe, CTR__IF_X86_64(336)) N(uretprobe, CTR__IF_X86_64(335)) X(uselib)            \
  X(userfaultfd) A(usr26) A(usr32) X(ustat) X(utime) X(utimensat)                                  \
  N(utimensat_time64, CTR__IF_32_BIT(412)) X(utimes) X(vfork) X(vhangup) X(vm86) X(vm86old)        \
  X(vmsplice) X(vserver) X(wait4) X(waitid) X(waitpid) X(write) X(writev)
/* clang-format on */

enum ctr__multiplexer { CTR__MUX_NONE, CTR__MUX_SOCKETCALL, CTR__MUX_IPC, CTR__MUX_COUNT };

typedef struct ctr__syscall_row {
  const char *name, *number; /* sums such as "(4000 + 57)"; after a '|' the next to be tried */
  uint8_t multiplexer, call; /* by which it can be called too, and as which of its calls      */
} ctr__syscall_row;

static const ctr__syscall_row ctr__syscall_rows[] = {
#define CTR__ROW_X(name)        {#name, CTR__TEXT(__NR_##name), 0, 0},
#define CTR__ROW_N(name, known) {#name, CTR__TEXT(CTR__NR(known)), 0, 0},
#define CTR__ROW_A(name)        {#name, CTR__EITHER(__NR_##name, __ARM_NR_##name), 0, 0},
#define CTR__ROW_M(name, musl)  {#name, CTR__EITHER(__NR_##name, __NR_##musl), 0, 0},
#define CTR__ROW_S(name, call)  {#name, CTR__TEXT(__NR_##name), CTR__MUX_SOCKETCALL, call},
#define CTR__ROW_I(name, call)  {#name, CTR__TEXT(__NR_##name), CTR__MUX_IPC, call},
    CTR__SYSCALLS(CTR__ROW_X, CTR__ROW_N, CTR__ROW_A, CTR__ROW_M, CTR__ROW_S, CTR__ROW_I)
#undef CTR__ROW_X
#undef CTR__ROW_N
#undef CTR__ROW_A
#undef CTR__ROW_M
#undef CTR__ROW_S
#undef CTR__ROW_I
};
enum { CTR__SYSCALL_ROWS = sizeof ctr__syscall_rows / sizeof *ctr__syscall_rows };

/* Which row, or -1 for a name of no architecture's. */
static int ctr__syscall_find(const char *name) {
  int low = 0, high = CTR__SYSCALL_ROWS;
  while (low < high) {
    const int middle = (low + high) / 2, order = strcmp(name, ctr__syscall_rows[middle].name);
    if (order == 0) return middle;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return -1;
}

/* The sum up to a '|' or the end; -1 if that is no sum of numbers. */
static int64_t ctr__syscall_sum(const char *text) {
  int64_t sum = 0;
  while (*text && *text != '|') {
    if (isdigit((unsigned char)*text)) {
      char *end;
      sum += strtol(text, &end, 0);
      text = end;
    } else if (!strchr("()+ ", *text++)) {
      return -1;
    }
  }
  return sum;
}

/* Its number, or -1: this architecture does not have it. */
static int64_t ctr__syscall_number(int row) {
  const char *text = ctr__syscall_rows[row].number;
  int64_t number = ctr__syscall_sum(text);
  for (; number < 0 && (text = strchr(text, '|')); number = ctr__syscall_sum(text)) text++;
  return number;
}

#endif /* !CTR_WITH_LIBSECCOMP */
