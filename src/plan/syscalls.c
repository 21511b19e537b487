/* System calls by name. The numbers are the architecture's, and those of the kernel headers that
   this is compiled with; from 424 on there is one for all (syscalls(2)), known here whatever the
   headers. What a header defines is made text, because what it does not define is text in any case.
 */

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

/* All that any architecture has, in the order of strcmp(3), each with its group of the presets
   (presets.c). X: by the headers; N: by a number that is known; A: or as one of ARM's own; M: or as
   musl calls it where time_t has 64 bits; S and I: or as that call of socketcall(2) and ipc(2). */
/* clang-format off */
#define CTR__SYSCALLS(X, N, A, M, S, I)                                                            \
  X(_llseek, FDS) X(_newselect, WAITING) X(_sysctl, OLD) S(accept, SOCKETS, 5)                     \
  S(accept4, SOCKETS, 18) X(access, FILES) X(acct, ACCOUNT) X(add_key, KEYS) X(adjtimex, CLOCKS)   \
  X(afs_syscall, OLD) X(alarm, TIME) X(arch_prctl, BEGIN) X(arm_fadvise64_64, FDS)                 \
  X(arm_sync_file_range, FDS) X(bdflush, OLD) S(bind, SOCKETS, 2) X(bpf, BPF) X(break, OLD)        \
  A(breakpoint, CPU) X(brk, MEMORY) X(cachectl, CPU) A(cacheflush, CPU) N(cachestat, FDS, 451)     \
  X(capget, SELF) X(capset, SELF) X(chdir, FILES) X(chmod, ATTRS) X(chown, ATTRS)              \
  X(chown32, ATTRS) X(chroot, ROOT) X(clock_adjtime, CLOCKS)                                       \
  N(clock_adjtime64, CLOCKS, CTR__IF_32_BIT(405)) M(clock_getres, TIME, clock_getres_time32)       \
  N(clock_getres_time64, TIME, CTR__IF_32_BIT(406)) M(clock_gettime, TIME, clock_gettime32)        \
  N(clock_gettime64, TIME, CTR__IF_32_BIT(403))                                                    \
  M(clock_nanosleep, WAITING, clock_nanosleep_time32)                                              \
  N(clock_nanosleep_time64, WAITING, CTR__IF_32_BIT(407))                                          \
  M(clock_settime, CLOCKS, clock_settime32) N(clock_settime64, CLOCKS, CTR__IF_32_BIT(404))        \
  X(clone, THREADS) N(clone3, CLONE3, 435) X(close, FDS) N(close_range, FDS, 436)                  \
  S(connect, SOCKETS, 3) X(copy_file_range, FDS) X(creat, FILES) X(create_module, OLD)             \
  X(delete_module, MODULES) X(dup, FDS) X(dup2, FDS) X(dup3, FDS) X(epoll_create, WAITING)         \
  X(epoll_create1, WAITING) X(epoll_ctl, WAITING) X(epoll_ctl_old, OLD) X(epoll_pwait, WAITING)    \
  N(epoll_pwait2, WAITING, 441) X(epoll_wait, WAITING) X(epoll_wait_old, OLD) X(eventfd, WAITING)  \
  X(eventfd2, WAITING) X(execve, BEGIN) X(execveat, PROCESSES) X(exit, BEGIN)                      \
  X(exit_group, BEGIN) X(faccessat, FILES) N(faccessat2, FILES, 439) X(fadvise64, FDS)             \
  X(fadvise64_64, FDS) X(fallocate, FDS) X(fanotify_init, MACHINE) X(fanotify_mark, MACHINE)       \
  X(fchdir, FILES) X(fchmod, ATTRS) X(fchmodat, ATTRS) N(fchmodat2, ATTRS, 452) X(fchown, ATTRS)   \
  X(fchown32, ATTRS) X(fchownat, ATTRS) X(fcntl, FDS) X(fcntl64, FDS) X(fdatasync, FDS)            \
  X(fgetxattr, ATTRS) N(file_getattr, ATTRS, 468) N(file_setattr, ATTRS, 469)                      \
  X(finit_module, MODULES) X(flistxattr, ATTRS) X(flock, FDS) X(fork, PROCESSES)                   \
  X(fremovexattr, ATTRS) N(fsconfig, MOUNTS, 431) X(fsetxattr, ATTRS) N(fsmount, MOUNTS, 432)      \
  N(fsopen, MOUNTS, 430) N(fspick, MOUNTS, 433) X(fstat, FDS) X(fstat64, FDS) X(fstatat64, FILES)  \
  X(fstatfs, FDS) X(fstatfs64, FDS) X(fsync, FDS) X(ftime, OLD) X(ftruncate, FDS)                  \
  X(ftruncate64, FDS) X(futex, THREADS) N(futex_requeue, THREADS, 456)                             \
  N(futex_time64, THREADS, CTR__IF_32_BIT(422)) N(futex_wait, THREADS, 455)                        \
  N(futex_waitv, THREADS, 449) N(futex_wake, THREADS, 454) X(futimesat, ATTRS)                     \
  X(get_kernel_syms, OLD) X(get_mempolicy, PRIORITY) X(get_robust_list, BEGIN)                     \
  X(get_thread_area, BEGIN) A(get_tls, BEGIN) X(getcpu, THREADS) X(getcwd, FILES)                  \
  X(getdents, FDS) X(getdents64, FDS) X(getegid, SELF) X(getegid32, SELF) X(geteuid, SELF)         \
  X(geteuid32, SELF) X(getgid, SELF) X(getgid32, SELF) X(getgroups, SELF) X(getgroups32, SELF)     \
  X(getitimer, TIME) S(getpeername, GIVEN, 7) X(getpgid, SELF) X(getpgrp, SELF) X(getpid, SELF)    \
  X(getpmsg, OLD) X(getppid, SELF) X(getpriority, SELF) X(getrandom, SELF) X(getresgid, SELF)      \
  X(getresgid32, SELF) X(getresuid, SELF) X(getresuid32, SELF) X(getrlimit, SELF)                  \
  X(getrusage, SELF) X(getsid, SELF) S(getsockname, GIVEN, 6) S(getsockopt, GIVEN, 15)             \
  X(gettid, SELF) M(gettimeofday, TIME, gettimeofday_time32) X(getuid, SELF) X(getuid32, SELF)     \
  X(getxattr, ATTRS) N(getxattrat, ATTRS, 464) X(gtty, OLD) X(idle, OLD) X(init_module, MODULES)   \
  X(inotify_add_watch, IO) X(inotify_init, IO) X(inotify_init1, IO) X(inotify_rm_watch, IO)        \
  X(io_cancel, IO) X(io_destroy, IO) X(io_getevents, IO) X(io_pgetevents, IO)                      \
  N(io_pgetevents_time64, IO, CTR__IF_32_BIT(416)) X(io_setup, IO) X(io_submit, IO)                \
  N(io_uring_enter, URING, 426) N(io_uring_register, URING, 427) N(io_uring_setup, URING, 425)     \
  X(ioctl, FDS) X(ioperm, PORTS) X(iopl, PORTS) X(ioprio_get, PRIORITY) X(ioprio_set, PRIORITY)    \
  X(ipc, IPC) X(kcmp, OTHERS) X(kexec_file_load, BOOT) X(kexec_load, BOOT) X(keyctl, KEYS)         \
  X(kill, PROCESSES) N(landlock_add_rule, SANDBOX, 445) N(landlock_create_ruleset, SANDBOX, 444)   \
  N(landlock_restrict_self, SANDBOX, 446) X(lchown, ATTRS) X(lchown32, ATTRS) X(lgetxattr, ATTRS)  \
  X(link, ATTRS) X(linkat, ATTRS) S(listen, SOCKETS, 4) N(listmount, NEW, 458)                     \
  N(listns, NEW, 470) X(listxattr, ATTRS) N(listxattrat, ATTRS, 465) X(llistxattr, ATTRS)          \
  X(llseek, FDS) X(lock, OLD) X(lookup_dcookie, OLD) X(lremovexattr, ATTRS) X(lseek, FDS)          \
  X(lsetxattr, ATTRS) N(lsm_get_self_attr, NEW, 459) N(lsm_list_modules, NEW, 461)                 \
  N(lsm_set_self_attr, NEW, 460) X(lstat, FILES) X(lstat64, FILES) X(madvise, MEMORY)              \
  N(map_shadow_stack, MEMORY, 453) X(mbind, PRIORITY) X(membarrier, MEMORY)                        \
  X(memfd_create, MEMORY) N(memfd_secret, SANDBOX, 447) X(migrate_pages, PLACES)                   \
  X(mincore, MEMORY) X(mkdir, FILES) X(mkdirat, FILES) X(mknod, ATTRS) X(mknodat, ATTRS)           \
  X(mlock, MEMORY) X(mlock2, MEMORY) X(mlockall, MEMORY) X(mmap, MEMORY) X(mmap2, MEMORY)          \
  X(modify_ldt, SEGMENTS) X(mount, MOUNTS) N(mount_setattr, MOUNTS, 442)                           \
  N(move_mount, MOUNTS, 429) X(move_pages, PLACES) X(mprotect, MEMORY) X(mpx, OLD)                 \
  X(mq_getsetattr, IPC) X(mq_notify, IPC) X(mq_open, IPC) X(mq_timedreceive, IPC)                  \
  N(mq_timedreceive_time64, IPC, CTR__IF_32_BIT(419)) X(mq_timedsend, IPC)                         \
  N(mq_timedsend_time64, IPC, CTR__IF_32_BIT(418)) X(mq_unlink, IPC) X(mremap, MEMORY)             \
  N(mseal, MEMORY, 462) I(msgctl, IPC, 14) I(msgget, IPC, 13) I(msgrcv, IPC, 12)                   \
  I(msgsnd, IPC, 11) X(msync, MEMORY) X(multiplexer, OLD) X(munlock, MEMORY)                       \
  X(munlockall, MEMORY) X(munmap, MEMORY) X(name_to_handle_at, ATTRS) X(nanosleep, WAITING)        \
  X(newfstatat, FILES) X(nfsservctl, OLD) X(nice, PRIORITY) X(oldfstat, FDS) X(oldlstat, FILES)    \
  X(oldolduname, SELF) X(oldstat, FILES) X(olduname, SELF) X(open, FILES)                          \
  X(open_by_handle_at, HANDLES) N(open_tree, MOUNTS, 428) N(open_tree_attr, MOUNTS, 467)           \
  X(openat, FILES) N(openat2, FILES, 437) X(pause, WAITING) X(pciconfig_iobase, PORTS)             \
  X(pciconfig_read, PORTS) X(pciconfig_write, PORTS) X(perf_event_open, COUNTERS)                  \
  X(personality, SELF) N(pidfd_getfd, OTHERS, 438) N(pidfd_open, PROCESSES, 434)                   \
  N(pidfd_send_signal, PROCESSES, 424) X(pipe, FDS) X(pipe2, FDS) X(pivot_root, MOUNTS)            \
  X(pkey_alloc, MEMORY) X(pkey_free, MEMORY) X(pkey_mprotect, MEMORY) X(poll, WAITING)             \
  X(ppoll, WAITING) N(ppoll_time64, WAITING, CTR__IF_32_BIT(414)) X(prctl, BEGIN) X(pread64, FDS)  \
  X(preadv, FDS) X(preadv2, FDS) X(prlimit64, SELF) N(process_madvise, OTHERS, 440)                \
  N(process_mrelease, OTHERS, 448) X(process_vm_readv, OTHERS) X(process_vm_writev, OTHERS)        \
  X(prof, OLD) X(profil, OLD) X(pselect6, WAITING)                                                 \
  N(pselect6_time64, WAITING, CTR__IF_32_BIT(413)) X(ptrace, OTHERS) X(putpmsg, OLD)               \
  X(pwrite64, FDS) X(pwritev, FDS) X(pwritev2, FDS) X(query_module, OLD) X(quotactl, MACHINE)      \
  N(quotactl_fd, MACHINE, 443) X(read, FDS) X(readahead, FDS) X(readdir, FDS) X(readlink, FILES)   \
  X(readlinkat, FILES) X(readv, FDS) X(reboot, BOOT) S(recv, GIVEN, 10) S(recvfrom, GIVEN, 12)     \
  S(recvmmsg, GIVEN, 19) N(recvmmsg_time64, GIVEN, CTR__IF_32_BIT(417)) S(recvmsg, GIVEN, 17)      \
  X(remap_file_pages, OLD) X(removexattr, ATTRS) N(removexattrat, ATTRS, 466) X(rename, FILES)     \
  X(renameat, FILES) X(renameat2, FILES) X(request_key, KEYS) X(restart_syscall, BEGIN)            \
  X(riscv_flush_icache, CPU) N(riscv_hwprobe, CPU, CTR__IF_RISCV(258)) X(rmdir, FILES)             \
  X(rseq, BEGIN) N(rseq_slice_yield, BEGIN, 471) X(rt_sigaction, SIGNALS)                          \
  X(rt_sigpending, SIGNALS) X(rt_sigprocmask, SIGNALS) X(rt_sigqueueinfo, PROCESSES)               \
  X(rt_sigreturn, BEGIN) X(rt_sigsuspend, SIGNALS) X(rt_sigtimedwait, SIGNALS)                     \
  N(rt_sigtimedwait_time64, SIGNALS, CTR__IF_32_BIT(421)) X(rt_tgsigqueueinfo, PROCESSES)          \
  X(rtas, MACHINE) X(s390_guarded_storage, CPU) X(s390_pci_mmio_read, PORTS)                       \
  X(s390_pci_mmio_write, PORTS) X(s390_runtime_instr, CPU) X(s390_sthyi, CPU)                      \
  X(sched_get_priority_max, THREADS) X(sched_get_priority_min, THREADS)                            \
  X(sched_getaffinity, THREADS) X(sched_getattr, PRIORITY) X(sched_getparam, THREADS)              \
  X(sched_getscheduler, THREADS) X(sched_rr_get_interval, THREADS)                                 \
  N(sched_rr_get_interval_time64, THREADS, CTR__IF_32_BIT(423)) X(sched_setaffinity, PRIORITY)     \
  X(sched_setattr, PRIORITY) X(sched_setparam, PRIORITY) X(sched_setscheduler, PRIORITY)           \
  X(sched_yield, THREADS) X(seccomp, SANDBOX) X(security, OLD) X(select, WAITING)                  \
  I(semctl, IPC, 3) I(semget, IPC, 2) I(semop, IPC, 1) I(semtimedop, IPC, 4)                       \
  N(semtimedop_time64, IPC, CTR__IF_32_BIT(420)) S(send, GIVEN, 9) X(sendfile, FDS)                \
  X(sendfile64, FDS) S(sendmmsg, GIVEN, 20) S(sendmsg, GIVEN, 16) S(sendto, GIVEN, 11)             \
  X(set_mempolicy, PRIORITY) N(set_mempolicy_home_node, PLACES, 450) X(set_robust_list, BEGIN)     \
  X(set_thread_area, BEGIN) X(set_tid_address, BEGIN) A(set_tls, BEGIN) X(setdomainname, MACHINE)  \
  X(setfsgid, IDENTITY) X(setfsgid32, IDENTITY) X(setfsuid, IDENTITY) X(setfsuid32, IDENTITY)      \
  X(setgid, IDENTITY) X(setgid32, IDENTITY) X(setgroups, IDENTITY) X(setgroups32, IDENTITY)        \
  X(sethostname, MACHINE) X(setitimer, TIME) X(setns, SPACES) X(setpgid, PROCESSES)                \
  X(setpriority, PRIORITY) X(setregid, IDENTITY) X(setregid32, IDENTITY) X(setresgid, IDENTITY)    \
  X(setresgid32, IDENTITY) X(setresuid, IDENTITY) X(setresuid32, IDENTITY) X(setreuid, IDENTITY)   \
  X(setreuid32, IDENTITY) X(setrlimit, PROCESSES) X(setsid, PROCESSES) S(setsockopt, SOCKETS, 14)  \
  M(settimeofday, CLOCKS, settimeofday_time32) X(setuid, IDENTITY) X(setuid32, IDENTITY)           \
  X(setxattr, ATTRS) N(setxattrat, ATTRS, 463) X(sgetmask, SIGNALS) I(shmat, IPC, 21)              \
  I(shmctl, IPC, 24) I(shmdt, IPC, 22) I(shmget, IPC, 23) S(shutdown, GIVEN, 13)                   \
  X(sigaction, SIGNALS) X(sigaltstack, SIGNALS) X(signal, SIGNALS) X(signalfd, WAITING)            \
  X(signalfd4, WAITING) X(sigpending, SIGNALS) X(sigprocmask, SIGNALS) X(sigreturn, BEGIN)         \
  X(sigsuspend, SIGNALS) S(socket, SOCKETS, 1) X(socketcall, OLD) S(socketpair, SOCKETS, 8)        \
  X(splice, IO) X(spu_create, OLD) X(spu_run, OLD) X(ssetmask, SIGNALS) X(stat, FILES)             \
  X(stat64, FILES) X(statfs, FILES) X(statfs64, FILES) N(statmount, NEW, 457) X(statx, FILES)      \
  X(stime, CLOCKS) X(stty, OLD) X(subpage_prot, SEGMENTS) X(swapcontext, CPU) X(swapoff, MACHINE)  \
  X(swapon, MACHINE) X(switch_endian, SEGMENTS) X(symlink, ATTRS) X(symlinkat, ATTRS) X(sync, IO)  \
  X(sync_file_range, FDS) X(sync_file_range2, FDS) X(syncfs, IO)                                   \
  X(sys_debug_setcontext, SEGMENTS) X(syscall, OLD) X(sysfs, OLD) X(sysinfo, SELF) X(syslog, LOG)  \
  X(sysmips, OLD) X(tee, IO) X(tgkill, SIGNALS) X(time, TIME) X(timer_create, TIME)                \
  X(timer_delete, TIME) X(timer_getoverrun, TIME) M(timer_gettime, TIME, timer_gettime32)          \
  N(timer_gettime64, TIME, CTR__IF_32_BIT(408)) M(timer_settime, TIME, timer_settime32)            \
  N(timer_settime64, TIME, CTR__IF_32_BIT(409)) X(timerfd, WAITING) X(timerfd_create, WAITING)     \
  M(timerfd_gettime, WAITING, timerfd_gettime32)                                                   \
  N(timerfd_gettime64, WAITING, CTR__IF_32_BIT(410))                                               \
  M(timerfd_settime, WAITING, timerfd_settime32)                                                   \
  N(timerfd_settime64, WAITING, CTR__IF_32_BIT(411)) X(times, TIME) X(tkill, SIGNALS)              \
  X(truncate, FILES) X(truncate64, FILES) X(tuxcall, OLD) X(ugetrlimit, SELF) X(ulimit, OLD)       \
  X(umask, FILES) X(umount, MOUNTS) X(umount2, MOUNTS) X(uname, SELF) X(unlink, FILES)             \
  X(unlinkat, FILES) X(unshare, PROCESSES) N(uprobe, CPU, CTR__IF_X86_64(336))                     \
  N(uretprobe, CPU, CTR__IF_X86_64(335)) X(uselib, OLD) X(userfaultfd, FAULTS) A(usr26, OLD)       \
  A(usr32, OLD) X(ustat, OLD) X(utime, ATTRS) X(utimensat, ATTRS)                                  \
  N(utimensat_time64, ATTRS, CTR__IF_32_BIT(412)) X(utimes, ATTRS) X(vfork, PROCESSES)             \
  X(vhangup, TERMINAL) X(vm86, SEGMENTS) X(vm86old, SEGMENTS) X(vmsplice, IO) X(vserver, OLD)      \
  X(wait4, SELF) X(waitid, SELF) X(waitpid, SELF) X(write, FDS) X(writev, FDS)
/* clang-format on */

enum ctr__multiplexer { CTR__MUX_NONE, CTR__MUX_SOCKETCALL, CTR__MUX_IPC, CTR__MUX_COUNT };

typedef struct ctr__syscall_row {
  const char *name, *number; /* sums such as "(4000 + 57)"; after a '|' the next to be tried */
  uint8_t group;             /* CTR__CALLS_*: what the presets do with it                     */
  uint8_t multiplexer, call; /* by which it can be called too, and as which of its calls      */
} ctr__syscall_row;

static const ctr__syscall_row ctr__syscall_rows[] = {
#define CTR__ROW_X(name, group)        {#name, CTR__TEXT(__NR_##name), CTR__CALLS_##group, 0, 0},
#define CTR__ROW_N(name, group, known) {#name, CTR__TEXT(CTR__NR(known)), CTR__CALLS_##group, 0, 0},
#define CTR__ROW_A(name, group)                                                                    \
  {#name, CTR__EITHER(__NR_##name, __ARM_NR_##name), CTR__CALLS_##group, 0, 0},
#define CTR__ROW_M(name, group, musl)                                                              \
  {#name, CTR__EITHER(__NR_##name, __NR_##musl), CTR__CALLS_##group, 0, 0},
#define CTR__ROW_S(name, group, call)                                                              \
  {#name, CTR__TEXT(__NR_##name), CTR__CALLS_##group, CTR__MUX_SOCKETCALL, call},
#define CTR__ROW_I(name, group, call)                                                              \
  {#name, CTR__TEXT(__NR_##name), CTR__CALLS_##group, CTR__MUX_IPC, call},
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
