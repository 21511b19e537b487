"""What is kept of containers between the commands: names, the list, the directory that the states
lie in, states that are broken, and commands that meet."""

import json
import os
import shutil
import signal
from pathlib import Path

from lifecycle import Containers, alive, until

MISSING = "does not exist"
BAD_NAMES = ["", ".", "..", "../x", "a/b", "/", "/abs", "a/", "./a", "x" * 1025, "x" * 100000, " ",
             "a b", " a", "a ", "a\n", "a\nb", "a\tb", "\x01", "a\x1b[31m", "a\x7f", "ü", "\udcff",
             "a,b", "a:b", "a;b", "a*", "a\\b", "$HOME", "`a`"]


class Names(Containers):
    def every_command(self, name):
        yield ["create", "--bundle", self.bundle, "--", name]
        yield ["run", "--bundle", self.bundle, "--", name]
        yield ["state", "--", name]
        yield ["start", "--", name]
        yield ["kill", "--", name, "KILL"]
        yield ["delete", "--", name]
        yield ["exec", "--", name, "/probe", "exit", "0"]

    def tree(self):
        return sorted(path for path in self.area.rglob("*"))

    def test_bad_ones_are_refused_and_nothing_is_made(self):
        # What a path could lead to is there: a container whose state lies where "../x" points.
        pid = self.create("keep")
        decoy = self.area / "x"
        shutil.copytree(self.root / "keep", decoy, symlinks=True,
                        copy_function=lambda a, b: os.link(a, b, follow_symlinks=False))
        self.write()
        before = self.tree()
        for name in BAD_NAMES:
            for args in self.every_command(name):
                result = self.runtime(*args)
                self.assertNotEqual(result.returncode, 0, args)
                self.assertEqual(result.stdout, "", args)
                self.assertRegex(result.stderr, r"\S", args)
                # A message is one line, whatever is in the name.
                self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
                self.assertNotIn("\x1b", result.stderr)
            self.runtime("delete", "--force", "--", name)
            self.assertEqual(self.tree(), before, f"{name!r}")
        self.assertEqual((self.listed(), self.state("keep")["pid"]), (["keep"], pid))

    def test_good_ones_are_taken(self):
        for name in ("a", "0", "A.b_c+d-e", "_", "+", "...", "a..b", ".a", "x" * 128):
            with self.subTest(name=name):
                self.create(name)
                self.assertEqual((self.state(name)["id"], self.listed()), (name, [name]))
                self.works("delete", "--force", name)
                self.assertEqual(self.entries(), [])

    def test_the_longest_is_taken_or_refused_as_a_whole(self):
        # A name of 1024 is fine by the charset rule; NAME_MAX of the file system is 255.
        self.write()
        for length in (200, 255, 256, 1024):
            name = "x" * length
            if self.runtime("create", "--bundle", self.bundle, name).returncode == 0:
                self.assertEqual((self.state(name)["id"], self.listed()), (name, [name]))
                self.works("delete", "--force", name)
            else:
                self.assertGreater(length, 200)
            self.assert_nothing_left("x")
            self.assertEqual(self.entries(), [])


class List(Containers):
    def test_table_json_and_names(self):
        pids = {"b-created": self.create("b-created"), "a-running": self.start("a-running"),
                "c-stopped": self.create("c-stopped")}
        self.works("kill", "c-stopped", "KILL")
        self.reap(pids["c-stopped"])
        self.assertEqual(self.works("list", "-q"), "a-running\nb-created\nc-stopped\n")
        self.assertEqual(self.works("list", "--quiet"), self.works("list", "-q"))
        header, *rows = self.works("list").splitlines()
        self.assertEqual(header.split(), ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"])
        self.assertEqual([row.split()[:4] for row in rows],
                         [["a-running", str(pids["a-running"]), "running", str(self.bundle)],
                          ["b-created", str(pids["b-created"]), "created", str(self.bundle)],
                          ["c-stopped", "0", "stopped", str(self.bundle)]])
        listed = json.loads(self.works("list", "--format", "json"))
        self.assertEqual([item["id"] for item in listed], ["a-running", "b-created", "c-stopped"])
        for item in listed:
            state = self.state(item["id"])
            for key in ("pid", "status", "bundle", "created"):
                self.assertEqual(item.get(key, 0), state.get(key, 0), key)
        self.assertEqual(self.works("list", "--format", "table"), self.works("list"))
        self.assertNotEqual(self.runtime("list", "--format", "nonsense").returncode, 0)

    def test_an_empty_list(self):
        for _ in ("no state root", "an empty one"):
            self.assertEqual(self.works("list", "-q"), "")
            self.assertIn(json.loads(self.works("list", "--format", "json")), (None, []))
            self.assertEqual(len(self.works("list").splitlines()), 1)
            self.root.mkdir(mode=0o700, exist_ok=True)


class Broken(Containers):
    """A state that cannot be read: what a crash, a full disk or another version leaves."""

    def files_of(self, name):
        return [path for path in (self.root / name).rglob("*")
                if path.is_file() and not path.is_symlink()]

    def kinds(self):
        def text(content):
            return lambda path: path.write_bytes(content)

        def truncate(path):
            os.truncate(path, path.stat().st_size // 2)

        def replace(make):
            def change(path):
                path.unlink()
                make(path)
            return change

        yield "truncated", truncate
        yield "empty", text(b"")
        yield "zeros", text(bytes(4096))
        yield "foreign", text(b'{"id": 3, "config": ["x"], "pid": "many", "bundle": null}')
        yield "another-value", text(b"[]")
        yield "huge-pid", text(b'{"id": "huge-pid", "pid": 99999999999999999999}')
        yield "deep", text(b"[" * 100000)
        yield "gone", Path.unlink
        yield "directory", replace(Path.mkdir)
        yield "fifo", replace(os.mkfifo)
        yield "loop", replace(lambda path: path.symlink_to(path.name))
        yield "endless", replace(lambda path: path.symlink_to("/dev/zero"))

    def check_broken(self, name, good):
        """Nothing but a forced delete works, and the good one is as it was."""
        before = self.state(good)
        self.assertEqual(set(self.listed()) - {name}, {good})
        rows = {row.split()[0] for row in self.works("list").splitlines()[1:]}
        self.assertEqual(rows - {name}, {good})
        items = {item["id"]: item for item in json.loads(self.works("list", "--format", "json"))}
        self.assertEqual(items[good]["status"], before["status"])
        for args in (["state"], ["start"], ["kill"], ["delete"]):
            more = ["KILL"] if args == ["kill"] else []
            self.fails(*args, name, *more)
        result = self.runtime("exec", name, "/probe", "exit", "0")
        self.assertNotEqual(result.returncode, 0)
        self.works("delete", "--force", name)
        self.fails("state", name, part=MISSING)
        self.assertFalse([entry for entry in self.entries() if entry.split("/")[0] == name])
        self.assertEqual((self.listed(), self.state(good)), ([good], before))

    def test_others_are_not_harmed_and_it_can_be_deleted(self):
        self.start("good")
        for name, spoil in self.kinds():
            with self.subTest(name):
                pid = self.create(name)
                files = self.files_of(name)
                self.assertTrue(files, "the state is kept in files below the state root")
                for path in files:
                    spoil(path)
                try:
                    self.check_broken(name, "good")
                finally:
                    shutil.rmtree(self.root / name, ignore_errors=True)
                    if alive(pid):  # its pid may have gone with its state
                        os.kill(pid, signal.SIGKILL)
                    self.reap(pid)

    def test_directories_and_files_that_are_no_container(self):
        self.start("good")
        (self.root / "bare").mkdir()
        self.check_broken("bare", "good")
        (self.root / "file").write_text("{}")
        self.assertIn("good", self.listed())
        self.fails("state", "file")
        (self.root / "file").unlink()
        (self.root / "not a name").mkdir()
        self.assertIn("good", self.works("list", "-q").splitlines())
        self.works("list", "--format", "json")
        (self.root / "not a name").rmdir()

    def test_a_name_that_is_a_link_is_no_container(self):
        pid = self.start("good")
        elsewhere = self.area / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "file").write_text("kept")
        for target in ("good", str(self.root / "good"), str(elsewhere)):
            (self.root / "link").symlink_to(target)
            for args in (["state", "link"], ["start", "link"], ["kill", "link", "KILL"],
                         ["delete", "link"]):
                self.fails(*args)
            self.runtime("delete", "--force", "link")
            self.assertEqual((self.status("good"), self.state("good")["pid"]), ("running", pid))
            self.assertEqual((elsewhere / "file").read_text(), "kept")
            if (self.root / "link").is_symlink():
                (self.root / "link").unlink()


class StateRoot(Containers):
    def check_refused(self, root, part=""):
        self.write()
        before = sorted(self.area.rglob("*"))
        for args in (["create", "--bundle", self.bundle, "new"], ["state", "good"],
                     ["delete", "--force", "good"]):
            result = self.spawn_in(root, *args).wait()
            self.assertEqual((result.returncode, result.stdout), (1, ""), f"{args} in {root}")
            self.assertIn(str(root).rstrip("/"), result.stderr)
        self.assertEqual(sorted(self.area.rglob("*")), before)

    def spawn_in(self, root, *args):
        usual, self.root = self.root, root
        try:
            return self.spawn(*args)
        finally:
            self.root = usual

    def test_a_link_is_refused(self):
        # Whoever can put a link there could show states of his own making.
        self.start("good")
        link = self.area / "link"
        link.symlink_to(self.root)
        self.check_refused(link)
        self.check_refused(f"{link}/")

    def test_one_that_others_can_write_is_refused(self):
        self.start("good")
        for mode in (0o777, 0o1777, 0o772, 0o702):
            self.root.chmod(mode)
            self.check_refused(self.root)
        self.root.chmod(0o700)
        self.assertEqual(self.status("good"), "running")

    def test_one_that_belongs_to_another_is_refused(self):
        self.start("good")
        os.chown(self.root, 1000, 1000)
        self.check_refused(self.root)
        os.chown(self.root, 0, 0)
        self.assertEqual(self.status("good"), "running")

    def test_a_file_is_refused(self):
        file = self.area / "file"
        file.write_text("kept")
        self.check_refused(file)
        self.assertEqual(file.read_text(), "kept")

    def test_it_is_made_with_its_parents_and_closed_to_others(self):
        self.root = self.area / "a/b/root"
        self.create("one")
        for path in (self.root, self.root / "one"):
            self.assertEqual(path.stat().st_mode & 0o022, 0, path)
        for path in self.root.rglob("*"):
            if not path.is_symlink():
                self.assertEqual(path.stat().st_mode & 0o002 if path.is_fifo() else
                                 path.stat().st_mode & 0o022, 0, path)

    def test_two_roots_know_nothing_of_each_other(self):
        first = self.create("one")
        usual, self.root = self.root, self.area / "other"
        try:
            self.assertEqual(self.listed(), [])
            self.default["linux"]["cgroupsPath"] = (
                self.default["linux"].get("cgroupsPath", "ctr") + "-other")
            second = self.create("one")
            self.assertNotEqual(first, second)
            self.works("delete", "--force", "one")
        finally:
            self.root = usual
        self.assertEqual((self.listed(), self.state("one")["pid"]), (["one"], first))

    def test_it_may_be_relative(self):
        self.write()
        usual, self.root = self.root, self.root.name
        try:
            self.works("create", "--bundle", self.bundle, "one", cwd=self.area)
        finally:
            self.root = usual
        self.assertEqual((self.listed(), self.status("one")), (["one"], "created"))


class AtOnce(Containers):
    ROUNDS = 10
    MANY = 8

    def test_of_creates_of_one_name_one_wins(self):
        self.write()
        for _ in range(self.ROUNDS):
            heard = self.said().count("ready")
            with open(self.said_file, "ab") as said:
                running = [self.spawn("create", "--bundle", self.bundle, "one", stdout=said)
                           for _ in range(self.MANY)]
                results = [process.wait() for process in running]
            won = [result for result in results if result.returncode == 0]
            self.assertEqual(len(won), 1, [result.stderr for result in results])
            for result in results:
                if result.returncode:
                    self.assertEqual(result.returncode, 1)
                    self.assertRegex(result.stderr, r"exists")
            self.assertEqual((self.listed(), self.status("one")), (["one"], "created"))
            self.works("start", "one")
            until(lambda: self.said().count("ready") > heard, "the program")
            self.works("delete", "--force", "one")
            self.assertEqual(self.said().count("ready"), heard + 1)
            self.assert_nothing_left("one")
            self.assertEqual(self.entries(), [])

    def test_looks_while_it_comes_and_goes_see_all_or_nothing(self):
        self.write()
        for _ in range(self.ROUNDS):
            with open(self.said_file, "ab") as said:
                create = self.spawn("create", "--bundle", self.bundle, "one", stdout=said)
            self.look_until(create)
            self.assertEqual(create.wait().returncode, 0)
            self.assertEqual(self.status("one"), "created")
            self.look_until(self.spawn("delete", "--force", "one"))
            self.assertEqual(self.entries(), [])

    def look_until(self, command):
        """Lists and asks for the state until a command has ended."""
        while True:
            ended = command.process.poll() is not None
            listed = json.loads(self.works("list", "--format", "json")) or []
            self.assertLessEqual({item["id"] for item in listed}, {"one"})
            result = self.runtime("state", "one")
            if result.returncode == 0:
                self.assertEqual(json.loads(result.stdout)["id"], "one")
                self.assertIn(json.loads(result.stdout)["status"],
                              ("creating", "created", "stopped"))
            else:
                self.assertEqual(result.returncode, 1)
                self.assertRegex(result.stderr, r"\S")
            if ended:
                return

    def test_of_deletes_at_once_all_end_and_nothing_is_left(self):
        for _ in range(self.ROUNDS):
            self.start("one")
            running = [self.spawn("delete", "--force", "one") for _ in range(self.MANY)]
            results = [process.wait() for process in running]
            self.assertIn(0, [result.returncode for result in results])
            self.assert_nothing_left("one")
            self.assertEqual(self.entries(), [])

    def test_create_meets_delete(self):
        # Whenever it comes, there is a whole container afterwards or none.
        self.write()
        for number in range(self.ROUNDS * 4):
            with open(self.said_file, "ab") as said:
                create = self.spawn("create", "--bundle", self.bundle, "one", stdout=said)
            while create.process.poll() is None and self.count_entries() < number % 4:
                pass  # its directory, and one file in it after the other
            deletes = [self.spawn("delete", "--force", "one") for _ in range(2)]
            again = self.spawn("create", "--bundle", self.bundle, "one")
            for process in (create, *deletes, again):
                process.wait()
            if "one" in self.listed():
                self.assertEqual(self.status("one"), "created")
                self.works("start", "one")
                self.works("delete", "--force", "one")
            until(lambda: self.reap_orphans() or not self.processes(), "all processes end")
            self.assert_nothing_left("one")
            self.assertEqual(self.entries(), [])

    def test_a_create_under_steady_deletes_makes_one_or_says_why_not(self):
        # From one process come the creates, from another the deletes: a few, or until the create
        # has ended.
        names = "one", "two"  # by turns: what the last round left is not taken for this one's
        left = made = 0
        for number in range(30):
            name = names[number % 2]
            self.write(self.own_cgroup(name))
            with open(self.said_file, "ab") as said:
                create = self.spawn("create", "--bundle", self.bundle, name, stdout=said)
            for _ in range(number % 5):
                self.check_forced(self.spawn("delete", "--force", name))
            while number % 5 == 4 and create.process.poll() is None:
                self.check_forced(self.spawn("delete", "--force", name))
            result = create.wait()
            self.assertIn(result.returncode, (0, 1))
            if result.returncode:
                self.assertRegex(result.stderr, r"^ctr-oci: \S")
            made += result.returncode == 0
            left += self.check_settled(name)
        print(f"# of 30, {made} were made, {left} of them left alone")

    def check_forced(self, delete):
        result = delete.wait()
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)

    def check_settled(self, name):
        """One that is created and can be started, or nothing at all; whether there is one."""
        there = name in self.listed()
        if there:
            pid = self.state(name)["pid"]
            self.assertEqual((self.status(name), alive(pid)), ("created", True))
            heard = self.said().count("ready")
            self.works("start", name)
            until(lambda: self.said().count("ready") > heard, "the program")
            self.assertEqual(self.state(name)["pid"], pid)
            self.works("delete", "--force", name)
        until(lambda: self.reap_orphans() or not self.processes(), "all processes end")
        self.assert_nothing_left(name)
        self.assertEqual(self.entries(), [])
        return there

    def count_entries(self):
        try:
            return len(self.entries())
        except OSError:  # it changes while it is walked
            return 0

    def test_many_containers_at_once(self):
        names = [f"n{number}" for number in range(20)]
        bundles = [self.bundle_of(name) for name in names]
        with open(self.said_file, "ab") as said:
            self.all_work([["create", "--bundle", bundle, name]
                           for name, bundle in zip(names, bundles)], stdout=said)
        self.assertEqual(set(self.listed()), set(names))
        self.all_work([["start", name] for name in names])
        until(lambda: self.said().count("ready") == len(names), "all programs")
        self.all_work([["delete", "--force", name] for name in names])
        self.assertEqual((self.listed(), self.entries()), ([], []))
        self.assertEqual((self.processes(), self.cgroups(), self.mounts()), ([], [], []))

    def bundle_of(self, name):
        """A bundle around the same root file system, with a cgroup of its own."""
        bundle = self.area / name
        bundle.mkdir()
        self.write({"root.path": str(self.bundle / "rootfs"), **self.own_cgroup(name)})
        shutil.copy(self.path, bundle)
        return bundle

    def all_work(self, commands, **kwargs):
        running = [self.spawn(*command, **kwargs) for command in commands]
        results = [process.wait() for process in running]
        self.assertEqual([result.stderr for result in results if result.returncode], [])
