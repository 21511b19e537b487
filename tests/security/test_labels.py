"""Holes in how a label comes to its process: /proc of the image is not the kernel's, so that the
wish goes to a file of the attacker's and the program runs without; and what Landlock is to close.

No module is needed: the runtimes here believe that there is one, and the kernel refuses the write.
What it does where there is one is seen in tests/container/test_labels.c."""

import json

from hole import BELIEVES, Hole, weakened
import lifecycle

# By the path that the process sees, as everybody did once.
BY_PATH = [("""  ctr__put_str(ctr__put_str(path, attributes), file);
  return ctr__write_proc_arg(c, path, ctr__arg(c, s, 1));""", """
  ctr__put_str(ctr__put_str(path, attributes), file);
  char whole[96];
  const char *text = ctr__arg(c, s, 1);
  ctr__put_str(ctr__put_str(whole, "/proc/"), path);
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, whole, O_WRONLY, 0);
  return fd < 0 ? fd : ctr__write_all(fd, text, strlen(text));""")]

# Inside, instead of before joining.
INSIDE = [("  ctr__plan_process_labels(b, CTR__LANE_STAGE);\n", ""),
          ("  ctr__plan_console(b, false);\n  ctr__child_step(b, OWN_NULL",
           "  ctr__plan_console(b, false);\n  ctr__plan_process_labels(b, CTR__LANE_CHILD);\n"
           "  ctr__child_step(b, OWN_NULL")]

FILES = ("exec", "keycreate", "apparmor/exec")
LABELS = {"process.apparmorProfile": "wanted", "process.selinuxLabel": "wanted:r:t:s0"}


class FalseProcfs(Hole):
    """What the images have in common: files where a procfs would have attributes."""

    def setUp(self):
        super().setUp()
        self.default["linux"]["maskedPaths"] = self.default["linux"]["readonlyPaths"] = []
        self.procfs = [m for m in self.default["mounts"] if m["destination"] == "/proc"]
        self.default["mounts"] = [m for m in self.default["mounts"] if m["destination"] != "/proc"]
        self.places = []

    def false_attributes(self, folder):
        folder.mkdir(exist_ok=True)
        for name in FILES:
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("")
            self.places.append(place)
        return folder

    def believe(self):
        """The runtime that holds; the one without its defence is in use already."""
        if lifecycle.RUNTIME.parent == lifecycle.BUILD:
            self.use(weakened(*BELIEVES))

    def got(self):
        """What was written to any of the files, which are empty again."""
        found = [place.read_text() for place in self.places if place.read_text()]
        for place in self.places:
            place.write_text("")
        return found

    def images(self):
        """Each way to have something else at /proc: its mounts, with the image made so."""
        rootfs = self.bundle / "rootfs"
        proc, elsewhere = rootfs / "proc", rootfs / "elsewhere"
        proc.mkdir(exist_ok=True)
        (proc / "self").mkdir()
        self.false_attributes(proc / "self/attr")
        yield "nothing is mounted", []
        volume = self.bundle / "volume"
        (volume / "self").mkdir(parents=True)
        self.false_attributes(volume / "self/attr")
        bind = {"type": "bind", "options": ["bind"]}
        yield "a volume", [{**bind, "destination": "/proc", "source": str(volume)}]
        mounts = [{**bind, "destination": f"/proc/self/attr/{name}",
                   "source": str(volume / "self/attr" / name)} for name in FILES[:2]]
        yield "attributes bound elsewhere", [*self.procfs, *mounts]
        proc.rename(elsewhere)
        self.places += [elsewhere / "self/attr" / name for name in FILES]
        self.places = [place for place in self.places if place.exists()]
        proc.symlink_to("/elsewhere")
        yield "a link", []


class CVE_2019_16884_CVE_2019_19921_CVE_2023_28642_CVE_2025_52881(FalseProcfs):
    """Of a container's first process."""

    without = BELIEVES + BY_PATH

    def attack(self):
        self.believe()
        self.default["process"]["args"] = ["/probe", "exit", "0"]
        found = {}
        for name, mounts in self.images():
            for label, text in LABELS.items():
                mount_list = [*self.default["mounts"], *mounts]
                self.write({label: text, "mounts": mount_list})
                result = self.runtime("run", "--bundle", self.bundle, "test")
                got = self.got()
                if got:
                    found.setdefault(name, []).extend(got)
                else:
                    self.assertIn("/proc/self/attr/", result.stderr, name)
                    self.assertNotEqual(result.returncode, 0, name)
        # Without its defence each is one; with it none.
        self.assertIn(len(found), (0, 4), found)
        return found


class CVE_2019_16884_CVE_2025_52881_of_what_joins_a_container(FalseProcfs):
    """The container has put something else there by then."""

    without = BELIEVES + BY_PATH + INSIDE

    def attack(self):
        rootfs = self.bundle / "rootfs"
        (rootfs / "proc/self").mkdir(parents=True)
        self.false_attributes(rootfs / "proc/self/attr")
        self.start("one")
        self.believe()
        found = []
        for option in ("--apparmor", "--process-label"):
            result = self.runtime("exec", option, "wanted", "one", "/probe", "exit", "0")
            got = self.got()
            found += got
            if not got:
                self.assertIn("/proc/self/attr/", result.stderr)
                self.assertNotEqual(result.returncode, 0)
        return found


class Landlock(Hole):
    """Not known as a hole: a program that was to be restricted, and is not."""

    without = [("  int r = (int)CTR__CALL(CTR__SYS_landlock_restrict_self, c->ruleset, 0U);\n",
                "  int r = 0;\n")]

    def attack(self):
        (self.bundle / "rootfs/secret").write_text("gold\n")
        rules = {"handledAccessFs": ["read_file"],
                 "pathBeneath": [{"paths": ["/probe"], "allowedAccess": ["read"]}]}
        self.default["annotations"] = {"ctr.landlock": json.dumps(rules)}
        self.default["process"]["args"] = ["/probe", "cat", "/secret"]
        self.write()
        said = self.works("run", "--bundle", self.bundle, "two")
        self.default["process"]["args"] = ["/probe", "hear"]
        self.start("one")
        said += self.works("exec", "one", "/probe", "cat", "/secret")
        return said.count("gold")
