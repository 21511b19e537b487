"""The drop-in promises: ctr.h alone in a folder, beside other files, in every language, in the
strictest of projects. With every compiler: test_implementation.py, test_cross.py."""

import re
import shutil
import unittest

from compiling import (C_COMPILERS, IMPLEMENTATION, SECTIONS, STRICT, STRICT_C, TOP, CompileTest,
                       all_at_once, each, expand, imports, public_functions, references, run,
                       symbols)

CXX_COMPILERS = {"gxx": "g++", "clangxx": "clang++"}
# All that the declarations include.
OWN_INCLUDES = ("#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n"
                "#include <sys/types.h>\n")
TOO_LATE = re.compile(r"error: .*ctr\.h: .*_GNU_SOURCE")


@expand
class Declarations(CompileTest):
    @each(**C_COMPILERS)
    def test_declarations_compile_as_c99_and_later_with(self, compiler):
        self.need(compiler)
        source = self.bring("declarations.c")
        standards = ["c99", "gnu99", "c11", "c17", "c2x", "gnu2x"]
        self.assert_all_compile(
            [(compiler, f"-std={s}", *STRICT_C, "-Wc++-compat", "-Wno-declaration-after-statement",
              "-fsyntax-only", source) for s in standards if self.knows(compiler, s)])

    @each(**CXX_COMPILERS)
    def test_declarations_compile_as_cxx11_and_later_with(self, compiler):
        self.need(compiler)
        source = self.bring("declarations.cc")
        standards = ["c++11", "gnu++11", "c++14", "c++17", "c++20", "gnu++20", "c++2b"]
        self.assert_all_compile(
            [(compiler, f"-std={s}", *STRICT, "-Wold-style-cast", "-Wzero-as-null-pointer-constant",
              "-fsyntax-only", source) for s in standards if self.knows(compiler, s)])

    @each(**CXX_COMPILERS)
    def test_string_lists_are_sound_or_not_offered_in(self, compiler):
        self.need(compiler)
        program = self.room / "strings"
        self.assert_all_compile([(compiler, "-std=c++11", *STRICT, "-O2", self.bring("strings.cc"),
                                  "-o", program)])
        self.assertEqual(run([program], self.room).stdout, "ok\n")

    def macros(self, text, *flags):
        source = self.write("macros.c", text)
        listing = run(["gcc", *flags, "-I.", "-E", "-dM", source], self.room).stdout
        return set(re.findall(r"^#define (\w+)", listing, re.M))

    def test_declarations_define_no_macro_but_their_own(self):
        self.need("gcc")
        before = self.macros(OWN_INCLUDES, "-std=c99")
        after = self.macros('#include "ctr.h"\n', "-std=c99")
        self.assertIn("CTR_VERSION", after)
        self.assertEqual([m for m in sorted(after - before) if not m.startswith("CTR_")], [])

    def test_implementation_defines_no_macro_but_its_own(self):
        self.need("gcc")
        libc = (TOP / "src/base/libc.c").read_text(encoding="utf-8")
        headers = "".join(re.findall(r"^#include <.*\n", libc, re.M))
        before = self.macros(f"#define _GNU_SOURCE 1\n{OWN_INCLUDES}{headers}", "-std=gnu11")
        after = self.macros(IMPLEMENTATION, "-std=gnu11")
        foreign = [m for m in after - before if not m.lower().startswith("ctr_")]
        self.assertEqual(sorted(foreign), [])

    def test_declarations_alone_add_nothing_to_the_object(self):
        self.need("gcc", "nm")
        source = self.write("alone.c", '#include "ctr.h"\n')
        self.assertEqual(symbols(self.object("gcc", source, "-std=c99", "-O0")), [])

    def test_structs_have_one_size_in_every_language_and_with_every_option(self):
        self.need("gcc", "g++", "clang", "clang++")
        api = "".join(p.read_text(encoding="utf-8") for p in sorted((TOP / "src/api").glob("*.h")))
        structs = re.findall(r"^} (ctr_\w+);", api, re.M)
        self.assertIn("ctr_config", structs)
        body = "#include <stdio.h>\nint main(void) {\n" + "".join(
            f'  printf("{s} %u\\n", (unsigned)sizeof({s}));\n' for s in structs) + "}\n"
        self.write("plain.c", '#include "ctr.h"\n' + body)
        self.write("plain.cc", '#include "ctr.h"\n' + body)
        self.write("whole.c", IMPLEMENTATION + body)
        ways = [("gcc", "-std=c99", "plain.c"), ("clang", "-std=c2x", "plain.c"),
                ("g++", "-std=c++11", "plain.cc"), ("clang++", "-std=c++20", "plain.cc"),
                ("gcc", "-std=gnu11", "whole.c"), ("gcc", "-std=gnu11", "-DCTR_STATIC", "whole.c"),
                ("gcc", "-std=c99", "-D_FILE_OFFSET_BITS=64", "plain.c")]

        def sizes(numbered):
            number, way = numbered
            program = self.room / f"sizes{number}"
            built = self.compile(*way, "-o", program)
            return built.stderr or run([program], self.room).stdout

        first, *others = all_at_once(sizes, list(enumerate(ways)))
        self.assertIn("ctr_config ", first)
        for way, text in zip(ways[1:], others):
            self.assertEqual(text, first, way)

    def test_another_system_is_told_so(self):
        self.need("gcc")
        source = self.write("alone.c", '#include "ctr.h"\n')
        result = self.compile("gcc", "-U__linux__", "-fsyntax-only", source)
        self.assertIn("error: #error \"ctr.h: containers are a feature of Linux", result.stderr)


# What no object with the library in it may refer to, for the promise on the left. Looked for among
# the imports: what is there is called, or could be.
FORBIDDEN = {
    "it never prints":
        "printf fprintf vprintf vfprintf dprintf vdprintf puts fputs fputc putc putchar fwrite "
        "perror psignal psiginfo syslog vsyslog openlog error err errx warn warnx vwarn vwarnx "
        "stdin stdout stderr fopen fdopen freopen fflush",
    "it never ends the caller, nor leaves it something to do at its end":
        "exit abort quick_exit _Exit raise __assert_fail atexit on_exit at_quick_exit "
        "__cxa_atexit pthread_exit pthread_atfork",
    "it installs no signal handler and no timer (sigaction is the child's)":
        "signal sigset bsd_signal sysv_signal alarm setitimer timer_create",
    "it sends signals and waits by pidfd: numbers get reused, other children are not ours":
        "killpg pthread_kill wait wait3 wait4 waitpid",
    "it does not change the environment":
        "setenv putenv unsetenv clearenv __environ",
    "it runs no shell, and clones without libc's fork handlers":
        "system popen pclose fork vfork _Fork posix_spawn posix_spawnp daemon "
        "execl execlp execv execvp execvpe",
    "it changes ids in the child only, by number: libc's calls change those of every thread":
        "setuid setgid seteuid setegid setreuid setregid setresuid setresgid setgroups initgroups",
    "it keeps no state, so it calls nothing that does":
        "setlocale strtok strerror localtime gmtime ctime asctime ttyname ptsname getlogin "
        "rand srand random srandom drand48 tmpnam mktemp basename dirname readdir getopt",
    "it asks no name service and loads nothing: static programs cannot":
        "getpwnam getpwuid getgrnam getgrgid getpwnam_r getgrnam_r gethostbyname getaddrinfo "
        "dlopen dlsym",
    "it makes no descriptor without close-on-exec from birth (pipe2 is fine)":
        "open open64 creat pipe dup accept eventfd epoll_create",
    "it starts no thread, takes no lock, does not sleep":
        "pthread_create pthread_mutex_lock pthread_rwlock_wrlock sem_wait sleep usleep nanosleep",
}


# What is fine in one place: the number is that of a program that is not reaped yet, waiting is by
# pidfd, the environment is read for XDG_RUNTIME_DIR and for where newuidmap(1) is, and where it is
# kept is for the child to know, whose own is another; and a copy of the program gets it whole.
MAY_BE_CALLED_BY = {"kill": "ctr__program_finish", "getenv": "ctr__root_path",
                    "secure_getenv": "ctr__find_id_helper",
                    "environ": "ctr__prepare_extra ctr__execute_copy", "waitid": "ctr__waitid"}


class Object(CompileTest):
    def setUp(self):
        super().setUp()
        self.need("gcc", "nm")
        self.source = self.bring("implementation.c")

    def test_object_exports_what_the_api_declares_and_nothing_else(self):
        exported = {n for _, n in symbols(self.object("gcc", self.source), "-g", "--defined-only")}
        self.assertIn("ctr_run", exported)
        self.assertEqual(exported, public_functions())

    def test_static_object_exports_nothing(self):
        flags = ("-DCTR_STATIC", "-O0", "-fkeep-static-functions")
        path = self.object("gcc", self.source, *flags)
        self.assertIn("ctr_run", {name for _, name in symbols(path)})
        self.assertEqual(symbols(path, "-g", "--defined-only"), [])

    def test_private_functions_and_tables_are_named_ctr__(self):
        found = symbols(self.object("gcc", self.source, "-O0", "-fkeep-static-functions"),
                        "--defined-only")
        private = {n for letter, n in found if letter.islower() and "." not in n}
        self.assertIn("ctr__child_main", private)
        self.assertEqual([n for n in sorted(private) if not n.startswith("ctr__")], [])

    def test_object_imports_nothing_that_would_break_a_promise(self):
        found = imports(self.object("gcc", self.source, "-O0", "-fkeep-static-functions"))
        self.assertIn("snprintf", found)
        for promise, names in FORBIDDEN.items():
            self.assertEqual(sorted(found & set(names.split())), [], promise)

    def test_what_one_function_may_call_is_called_by_no_other(self):
        path = self.object("gcc", self.source, "-O0", "-fkeep-static-functions", *SECTIONS)
        for name, callers in MAY_BE_CALLED_BY.items():
            self.assertEqual({who for who, whom in references(path).items() if name in whom},
                             set(callers.split()), name)

    def test_library_keeps_no_global(self):
        """Without position independence constant tables of pointers are in .rodata as well, and
        what is left of data and bss would be a variable."""
        path = self.object("gcc", self.source, "-O0", "-fno-pie", "-fkeep-static-functions")
        letters = {letter for letter, _ in symbols(path)}
        self.assertIn("r", letters)
        self.assertEqual([s for s in symbols(path) if s[0] in "bBdDCgGsSvV"], [])

    def test_memory_comes_from_where_the_caller_says(self):
        own = "#include <stddef.h>\nvoid *own_alloc(size_t size);\nvoid own_free(void *ptr);\n"
        source = self.write("own.c", f"#define _GNU_SOURCE 1\n{own}#define CTR_MALLOC own_alloc\n"
                            f"#define CTR_FREE own_free\n{IMPLEMENTATION}")
        for level in ("-O0", "-O2"):  # gcc makes calloc out of malloc and memset
            found = imports(self.object("gcc", source, level))
            self.assertLessEqual({"own_alloc", "own_free"}, found)
            self.assertEqual(found & {"malloc", "calloc", "realloc", "reallocarray", "free",
                                      "strdup", "strndup", "asprintf", "vasprintf"}, set())


class Units(CompileTest):
    """Files that include the header, together and in every order."""

    def link_and_run(self, *objects, linker="gcc"):
        program = self.room / "program"
        result = run([linker, *objects, "-o", program], self.room)
        self.assertEqual(result.returncode, 0, result.stderr)
        ran = run([program], self.room)
        self.assertEqual((ran.returncode, ran.stdout), (0, "ok\n"), ran.stderr)

    def test_two_c_files_link_and_run(self):
        self.need("gcc")
        self.link_and_run(self.object("gcc", self.bring("implementation.c"), "-std=gnu11"),
                          self.object("gcc", self.bring("declarations.c"), "-std=c99"))

    def test_a_cxx_file_links_with_the_c_implementation_and_runs(self):
        self.need("gcc", "g++")
        self.link_and_run(self.object("gcc", self.bring("implementation.c"), "-std=gnu11"),
                          self.object("g++", self.bring("declarations.cc"), "-std=c++11"),
                          linker="g++")

    def test_files_of_two_compilers_link_and_run(self):
        self.need("gcc", "clang")
        self.link_and_run(self.object("clang", self.bring("implementation.c"), "-O2"),
                          self.object("gcc", self.bring("declarations.c"), "-O2"))

    def test_two_static_implementations_link_with_a_shared_one_and_run(self):
        self.need("gcc")
        static = "#define CTR_STATIC\n" + IMPLEMENTATION
        uses = "const char *{0}(void);\nconst char *{0}(void) {{ return ctr_code_name(CTR_OK); }}\n"
        self.link_and_run(self.object("gcc", self.write("one.c", static + uses.format("one"))),
                          self.object("gcc", self.write("two.c", static + uses.format("two"))),
                          self.object("gcc", self.bring("implementation.c")),
                          self.object("gcc", self.bring("declarations.c")))

    def test_one_file_can_be_the_whole_program(self):
        self.need("gcc")
        program = (self.bring("declarations.c")).read_text(encoding="utf-8")
        self.link_and_run(self.object(
            "gcc", self.write("whole.c", "#define CTR_IMPLEMENTATION\n" + program), "-std=gnu11"))

    def test_including_it_again_changes_nothing(self):
        self.need("gcc")
        again = '#include "ctr.h"\n'
        self.assert_all_compile([
            ("gcc", "-std=gnu11", *STRICT_C, "-fsyntax-only", self.write(f"{number}.c", text))
            for number, text in enumerate([
                again + again, IMPLEMENTATION + again,
                IMPLEMENTATION + "#undef CTR_IMPLEMENTATION\n" + again])])

    def test_implementation_can_follow_the_declarations(self):
        self.need("gcc", "clang")
        late = '#include "ctr.h"\n#include <stdio.h>\n' + IMPLEMENTATION
        source = self.write("late.c", "#define _GNU_SOURCE\n" + late)
        self.assert_all_compile([(c, "-std=gnu11", *static, *STRICT_C, "-fsyntax-only", source)
                                 for c in ("gcc", "clang") for static in ((), ("-DCTR_STATIC",))])

    def test_declarations_first_without_gnu_source_are_told_what_to_do(self):
        self.need("gcc")
        source = self.write("late.c", '#include "ctr.h"\n' + IMPLEMENTATION)
        result = self.compile("gcc", "-std=gnu11", "-fsyntax-only", source)
        self.assertRegex(first_complaint(result.stderr), TOO_LATE)

    def late_includes(self, compiler, standard):
        """Each header of libc before the implementation: compiles cleanly, or says why not in its
        first complaint."""
        self.need(compiler)
        libc = (TOP / "src/base/libc.c").read_text(encoding="utf-8")
        headers = re.findall(r"^#include <(.*)\.h>", libc, re.M)
        headers.remove("seccomp")  # libseccomp's, which not every libc has
        self.assertIn("stdio", headers)

        def attempt(header):
            name = header.replace("/", "_")
            source = self.write(f"late_{name}.c", f"#include <{header}.h>\n{IMPLEMENTATION}")
            result = self.compile(compiler, f"-std={standard}", "-Wall", "-fsyntax-only", source)
            return first_complaint(result.stderr)

        complaints = dict(zip(headers, all_at_once(attempt, headers)))
        mysteries = {h: c for h, c in complaints.items() if c and not TOO_LATE.search(c)}
        if mysteries:
            self.fail("included before ctr.h, these bring a mystery:\n" +
                      "\n".join(f"<{h}.h>: {c}" for h, c in mysteries.items()))
        return complaints

    def test_late_gnu_source_is_explained_with_glibc(self):
        self.assertRegex(self.late_includes("gcc", "gnu11")["stdio"], TOO_LATE)
        self.assertRegex(self.late_includes("gcc", "c11")["sched"], TOO_LATE)

    def test_late_gnu_source_is_explained_with_musl(self):
        self.late_includes("musl-gcc", "gnu11")

    def test_late_gnu_source_is_explained_with_musl_and_a_strict_standard(self):
        self.late_includes("musl-gcc", "c11")


def first_complaint(stderr):
    complaints = (s for s in stderr.splitlines() if re.search(r"\b(error|warning):", s))
    return next(complaints, "")


@expand
class Examples(CompileTest):
    @each(gcc="gcc", clang="clang")
    def test_examples_compile_in_a_strict_project_with(self, compiler):
        self.need(compiler)
        examples = sorted((TOP / "examples").glob("*.c"))
        self.assertIn("hello.c", [e.name for e in examples])
        shutil.copytree(TOP / "examples", self.room, dirs_exist_ok=True)
        self.assert_all_compile([(compiler, "-std=gnu11", "-O1", *STRICT_C, e.name, "-o",
                                  self.room / f"{e.stem}.program") for e in examples])

    def test_the_first_example_is_at_most_20_lines(self):
        lines = (TOP / "examples/hello.c").read_text(encoding="utf-8").splitlines()
        self.assertLessEqual(len(lines), 20)

    def manual_on(self, heading):
        manual = (self.room / "ctr.h").read_text(encoding="utf-8")
        found = re.search(heading + r" .*\n((?: {7}.*\n)+)", manual)
        self.assertIsNotNone(found)
        return found.group(1)

    def build_program(self, body):
        self.need("gcc")
        source = self.write("manual.c", f"{IMPLEMENTATION}#include <stdio.h>\n"
                            f"int main(void) {{\n{body}}}\n")
        self.assert_all_compile([("gcc", "-std=gnu11", *STRICT_C, source, "-o",
                                  self.room / "manual")])
        return self.room / "manual"

    def test_the_program_in_the_manual_compiles(self):
        self.build_program(self.manual_on("SMALLEST PROGRAM"))

    def test_filters_and_landlock_in_the_readme_compile(self):
        readme = (TOP / "README.md").read_text(encoding="utf-8")
        parts = [part for part in re.findall(r"```c\n(.*?)```", readme, re.DOTALL)
                 if "int main" not in part]
        self.assertEqual(len(parts), 2)
        self.build_program("static ctr_config all;\nctr_config *config = &all;\n" +
                           "".join(parts))

    def test_a_start_ends_where_a_filter_forbids_to_end(self):
        """musl tries exit(2) for ever."""
        self.need("musl-gcc")
        source = self.write("end.c", f"""{IMPLEMENTATION}#include <stdio.h>
int main(void) {{
  ctr_arena mem = {{0}};
  ctr_config *config;
  ctr_err err;
  if (!ctr_config_default(&mem, CTR_DEFAULT_AUTO, &config, &err)) {{
    config->process.args = CTR_STRS("true");
    config->linux_.seccomp = (ctr_seccomp){{.defaultAction = CTR_SCMP_ACT_ERRNO}};
    ctr_run(config, NULL, NULL, NULL, &err);
  }}
  puts(err.msg);
  ctr_arena_free(&mem);
}}
""")
        self.assert_all_compile([("musl-gcc", "-std=gnu11", "-static", source, "-o",
                                  self.room / "end")])
        self.assertIn("process.args[0]: execute true: Operation not permitted",
                      run([self.room / "end"], cwd=self.room, timeout=60).stdout)

    def test_the_filter_in_the_manual_allows_what_the_preset_does_not(self):
        """It changes the mode of a directory that is the container's."""
        program = self.build_program(f"""
ctr_arena mem = {{0}};
ctr_config *config;
ctr_exit without = {{0}}, with = {{0}};
ctr_err err;
ctr_code code = ctr_config_default(&mem, CTR_DEFAULT_AUTO, &config, &err);
if (!code) {{
  config->process.args = CTR_STRS("chmod", "700", "/tmp");
  config->linux_.seccomp = (ctr_seccomp){{.defaultAction = CTR_SECCOMP_STRICT}};
  code = ctr_run(config, NULL, NULL, &without, &err);
  {self.manual_on("A FILTER")}
  if (!code) code = ctr_run(config, NULL, NULL, &with, &err);
}}
printf("%s%d %d\\n", code ? err.msg : "", without.code, with.code);
ctr_arena_free(&mem);
""")
        self.assertEqual(run([program], cwd=self.room).stdout, "1 0\n")


if __name__ == "__main__":
    unittest.main()
