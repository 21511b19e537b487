/* ---- program: the caller's own, kept from what it contains ----------------------------------- */

/* Where code inside a container could write to the caller's program by /proc/PID/exe
   (CVE-2019-5736), a child lets go of that file before it can be seen. A kernel without
   CONFIG_CHECKPOINT_RESTORE cannot do that, and plans that need it are refused; a program that is
   to run there calls this first in main(). It executes a copy of the running program in memory,
   sealed against writing, in the place of it: the process, its descriptors and its environment
   stay, but for descriptors that are close-on-exec, and main() begins again. The memory is that of
   the whole file, whose capabilities (setcap(8)) the copy does not have, and what looks for it by
   /proc/self/exe, such as $ORIGIN of ld.so(8), finds the copy.
   argv:    that of main().
   always:  also where the kernel can do without: then nothing is done for any container.
   Returns: CTR_OK, when there is nothing to do: nobody can write to it, as when it is the copy
            already, or the kernel can do without and always is not set. CTR_E_SYS; CTR_E_ARG.
   Source:  memfd_create(2), F_ADD_SEALS(2const). */
CTR_API ctr_code ctr_seal_program(char **argv, bool always, ctr_err *err);
