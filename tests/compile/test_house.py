"""The rules of the house that a compiler can hold: what may run between clone and execve, which
room may know which, what every public function says about itself."""

import re
import shutil
import unittest

from compiling import (SECTIONS, TOP, CompileTest, each, expand, imports, public_functions,
                       references, symbols)

START = ("#define _GNU_SOURCE 1\n#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n"
         "#include <sys/types.h>\n#define CTR_API extern\n"
         '#include "api.h"\n')
# Static functions that a room offers to the others are no mistake here; all else is.
ROOM_FLAGS = ("-std=gnu11", "-O0", "-fkeep-static-functions", "-Wall", "-Wextra", "-Werror",
              "-Wno-unused", "-Wvla", "-Walloca", "-Isrc")

# From left to right: each knows those before it.
ROOMS = ("base", "config", "plan", "child", "cgroup", "parent", "container")

# What src/child/ may not even mention. Not the whole truth (a macro of libc may hide a name, and
# ours may not be called what ours is called), but it says the line; MAY_CALL is the whole truth.
POISON = {
    "memory: another thread may hold the allocator's lock for ever":
        "malloc calloc realloc reallocarray free aligned_alloc posix_memalign strdup strndup "
        "asprintf vasprintf CTR_MALLOC CTR_FREE",
    "stdio: locks, buffers that are the caller's":
        "printf fprintf vprintf vfprintf dprintf vdprintf sprintf snprintf vsnprintf puts fputs "
        "fputc putc putchar fwrite fread fgets getline fopen fdopen freopen fclose fflush perror "
        "scanf sscanf fscanf FILE popen pclose tmpfile",
    "the environment is the caller's, and unlocked":
        "getenv secure_getenv setenv putenv unsetenv clearenv environ",
    "threads and locks":
        "pthread_create pthread_join pthread_mutex_lock pthread_mutex_unlock pthread_once "
        "pthread_sigmask pthread_self pthread_exit pthread_atfork mtx_lock sem_wait",
    "opendir allocates": "opendir fdopendir readdir closedir scandir glob nftw fts_open realpath",
    "the caller's atexit handlers are not to run here":
        "exit abort quick_exit atexit on_exit assert",
    "locks or static buffers":
        "syslog openlog strerror strerror_r strsignal localtime localtime_r gmtime mktime "
        "strftime setlocale newlocale strtok tzset ttyname getlogin qsort",
    "name services load libraries":
        "getpwnam getpwuid getgrnam getgrgid getpwnam_r getgrouplist initgroups getaddrinfo "
        "gethostbyname if_nametoindex",
    "the loader takes locks": "dlopen dlsym dlclose",
    "libc's calls wait for every thread of the caller, none of which is here":
        "setuid setgid seteuid setegid setreuid setregid setresuid setresgid setgroups",
    "libc's fork runs handlers and takes locks; execvp allocates":
        "fork vfork system posix_spawn posix_spawnp execvp execvpe execlp execl execle daemon",
    "waiting here would take what is the parent's (waitid: by pidfd)": "wait wait3 wait4 waitpid",
    "sleeping helps nobody": "sleep usleep nanosleep alarm",
}

# All that the child's functions may lead to: signal-safety(7), or no more than the system call of
# that name in both glibc and musl. What is added here needs a look at both.
MAY_CALL = {
    "signal-safety(7)":
        "_exit chdir chmod clock_gettime close dup2 execve faccessat fchdir fchmod fchown fchownat "
        "fcntl fstat fstatat getegid geteuid getpid kill lseek mkdirat mknodat openat poll read "
        "readlinkat recv recvmsg send sendmsg setsid sigaction sigemptyset sigprocmask socket stat "
        "symlinkat umask write memcpy strchr strrchr strcmp strlen strspn memset memcmp memmove "
        "strncmp",
    "system calls, no more":
        "accept4 chroot dup3 fstatfs ioctl mount pipe2 prctl pread sethostname setdomainname setns "
        "syscall umount2 unshare waitid",
    "a function of its arguments":
        "gnu_dev_makedev __errno_location ___errno_location",
}

# What changes the whole process, or ends it, or its root: for the child's side alone.
CHILD_ONLY = ("chdir fchdir chroot umask sigaction sigprocmask setns unshare setsid dup dup2 dup3 "
              "execve _exit sethostname setdomainname umount2 setpriority setrlimit close_range")


# The ways into a process that is not the caller's.
CHILD_MAIN = {"ctr__child_main", "ctr__stage_main", "ctr__program_main", "ctr__hold_namespace"}

# What is asked for nothing else but to execute.
EXECUTES = {"ctr_seal_program"}


class RoomTest(CompileTest):
    """Works on a copy of src/, so that something can be planted in it."""

    def setUp(self):
        super().setUp()
        self.need("gcc", "nm")
        shutil.copytree(TOP / "src", self.room / "src")

    def plant(self, name, text):
        with open(self.room / "src" / name, "a", encoding="utf-8") as file:
            file.write(text)

    def compile_rooms(self, text):
        """The compiler's complaints and the names the object refers to."""
        source, path = self.write("rooms.c", START + text), self.room / "rooms.o"
        result = self.compile("gcc", *ROOM_FLAGS, *SECTIONS, "-c", source, "-o", path)
        return result.stderr, imports(path) if result.returncode == 0 else set()

    def led_to(self, begin=(), end=()):
        """All names that public functions and those of begin refer to, or what they refer to, and
        so on; not beyond those of end."""
        calls = references(self.room / "rooms.o")
        exported = symbols(self.room / "rooms.o", "-g", "--defined-only")
        found, ahead = set(end), [*begin, *(name for _, name in exported)]
        while ahead:
            name = ahead.pop()
            if name not in found:
                found.add(name)
                ahead += calls.get(name, ())
        return found


class Child(RoomTest):
    def complaints(self):
        """What is wrong with src/child/, compiled with no more than it may know: base without
        memory and errors, the plan's format, and none of the public functions."""
        poison = [f"#pragma GCC poison {names}" for names in POISON.values()]
        poison.append("#pragma GCC poison " + " ".join(sorted(public_functions())))
        errors, found = self.compile_rooms(
            # Poison does not see through macros that were there before it: these lead nowhere.
            "#define CTR_MALLOC(size) ctr_no_memory_here(size)\n"
            "#define CTR_FREE(ptr) ctr_no_memory_here(ptr)\n"
            '#include "base/libc.c"\n#undef CTR_MALLOC\n#undef CTR_FREE\n' + "\n".join(poison) +
            '\n#include "base/sys.c"\n#include "base/path.c"\n#include "plan/format.c"\n'
            '#include "child.h"\n')
        if errors:
            return errors
        allowed = {name for names in MAY_CALL.values() for name in names.split()}
        reached = self.led_to(begin=CHILD_MAIN)
        self.assertLessEqual({"ctr__child_setsid", "execve"}, reached)
        return " ".join(sorted((found & reached) - allowed))

    def test_child_calls_only_what_is_safe_between_clone_and_execve(self):
        self.assertEqual(self.complaints(), "")

    def assert_noticed(self, code, name):
        self.plant("child/exec.c", "\nvoid ctr__planted(void);\n"
                   f"void ctr__planted(void) {{ {code} }}\n")
        self.assertIn(name, self.complaints())

    def test_malloc_in_the_child_is_noticed(self):
        self.assert_noticed("malloc(1);", 'child/exec.c')

    def test_the_callers_allocator_in_the_child_is_noticed(self):
        self.assert_noticed("CTR_FREE(0);", '"CTR_FREE"')

    def test_printf_in_the_child_is_noticed(self):
        self.assert_noticed('printf("hello");', 'attempt to use poisoned "printf"')

    def test_an_arena_in_the_child_is_noticed(self):
        self.assert_noticed("(void)ctr_arena_alloc(0, 1);", "ctr_arena_alloc")

    def test_an_error_text_in_the_child_is_noticed(self):
        self.assert_noticed("ctr__fail(0, CTR_E_SYS, 0, 0, 0);", "ctr__fail")

    def test_a_parent_function_in_the_child_is_noticed(self):
        self.assert_noticed("ctr__parent_clone(0, 0);", "ctr__parent_clone")

    def test_a_libc_call_nobody_thought_of_is_noticed(self):
        self.assert_noticed("(void)getloadavg(0, 0);", "getloadavg")


@expand
class Rooms(RoomTest):
    """The compiler reads from left to right: a room compiled after those to its left alone can
    refer to no other. Public functions are declared before all, so those show as imports."""

    def assert_stand_alone_up_to(self, room):
        rooms = ROOMS[:ROOMS.index(room) + 1]
        errors, found = self.compile_rooms("".join(f'#include "{r}.h"\n' for r in rooms))
        self.assertEqual(errors, "")
        self.assertIn("memcpy", found)
        self.assertEqual([name for name in sorted(found) if name.startswith("ctr_")], [])

    @each(**{room: room for room in ROOMS[:-1]})
    def test_nothing_right_of_it_is_known_to(self, room):
        self.assert_stand_alone_up_to(room)

    def test_the_rooms_are_all_there_is(self):
        folders = {p.name for p in (TOP / "src").iterdir() if p.is_dir()} - {"api"}
        self.assertEqual(folders, set(ROOMS))

    def test_config_that_plans_is_noticed(self):
        self.plant("config/check.c", "\nvoid ctr__planted(void);\n"
                   "void ctr__planted(void) { ctr_plan_free(NULL); }\n")
        with self.assertRaisesRegex(AssertionError, "ctr_plan_free"):
            self.assert_stand_alone_up_to("config")

    def test_a_declaration_ahead_of_its_room_is_noticed(self):
        self.plant("plan/build.c", "\nstatic int ctr__child_main(int x);\n"
                   "int ctr__planted(void);\n"
                   "int ctr__planted(void) { return ctr__child_main(1); }\n")
        with self.assertRaisesRegex(AssertionError, "ctr__child_main"):
            self.assert_stand_alone_up_to("plan")

    def compile_all(self):
        errors, found = self.compile_rooms("".join(f'#include "{room}.h"\n' for room in ROOMS))
        self.assertEqual(errors, "")
        return found

    def test_callers_side_changes_nothing_of_the_whole_process(self):
        self.assertNotIn("pthread_sigmask", self.compile_all())  # not in every libc: by number
        found = self.led_to(end=CHILD_MAIN | EXECUTES)
        self.assertLessEqual({"ctr__parent_walk", "ctr__program_execute", "poll"}, found)
        self.assertEqual(sorted(found & set(CHILD_ONLY.split())), [])

    def test_a_change_of_the_whole_process_on_the_callers_side_is_noticed(self):
        self.plant("parent/start.c",
                   "\nstatic void ctr__planted(void) { ctr__child_setsid(0, 0); }\n"
                   "void ctr_planted(void);\nvoid ctr_planted(void) { ctr__planted(); }\n")
        with self.assertRaisesRegex(AssertionError, "setsid"):
            self.test_callers_side_changes_nothing_of_the_whole_process()

    def test_names_that_newer_musl_does_not_have_are_not_used(self):
        """musl 1.2.4 took the names with 64 out of _GNU_SOURCE: Alpine has had it since 3.18."""
        names = " ".join(f"{name}64" for name in (
            "rlimit", "getrlimit", "setrlimit", "prlimit", "stat", "fstat", "lstat", "fstatat",
            "statfs", "fstatfs", "statvfs", "open", "openat", "creat", "lseek", "mmap", "pread",
            "pwrite", "preadv", "pwritev", "ftruncate", "truncate", "sendfile", "readdir", "dirent",
            "fallocate", "mkstemp", "flock", "off")) + " off64_t rlim64_t ino64_t loff_t"
        calls = self.room / "src/plan/syscalls.c"  # lists them as words: system calls, no functions
        calls.write_text(re.sub(r"\bX\(\w+64, \w+\)", "", calls.read_text(encoding="utf-8")),
                         encoding="utf-8")
        errors, _ = self.compile_rooms(
            f'#include "base/libc.c"\n#pragma GCC poison {names}\n'
            '#include "base/arena.c"\n#include "base/error.c"\n#include "base/sys.c"\n'
            '#include "base/path.c"\n#include "base/file.c"\n'
            + "".join(f'#include "{room}.h"\n' for room in ROOMS[1:]))
        self.assertEqual(errors, "")


class Docstrings(unittest.TestCase):
    """In src/api a comment stands right above a public function or the group it begins."""

    def undocumented(self, text):
        found = []
        for block in re.split(r"\n\s*\n", text):
            names = re.findall(r"^CTR_API [^;(]*?\b(ctr_\w+)\(", block, re.M)
            above = block[:block.find("CTR_API")].rstrip()
            if names and not (above.lstrip().startswith("/*") and above.endswith("*/")):
                found += names
        return found

    def test_every_public_function_has_a_docstring(self):
        counted = 0
        for path in sorted((TOP / "src/api").glob("*.h")):
            text = path.read_text(encoding="utf-8")
            counted += len(re.findall(r"^CTR_API", text, re.M))
            self.assertEqual(self.undocumented(text), [], path.name)
        self.assertEqual(counted, len(public_functions()))
        self.assertGreater(counted, 20)

    def test_a_bare_function_is_noticed(self):
        self.assertEqual(self.undocumented("/* Says x. */\nCTR_API int ctr_a(void);\n\n"
                                           "CTR_API int ctr_b(void);\n"), ["ctr_b"])

    def test_a_code_is_explained(self):
        """Who returns a ctr_code says which: in the docstring, or in that of the group."""
        silent = []
        for path in sorted((TOP / "src/api").glob("*.h")):
            for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
                codes = re.findall(r"^CTR_API ctr_code (ctr_\w+)\(", block, re.M)
                if codes and not re.search(r"\bReturns\b|CTR_OK|CTR_E_|The same", block):
                    silent += codes
        self.assertEqual(silent, [])


if __name__ == "__main__":
    unittest.main()
