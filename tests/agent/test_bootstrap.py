"""How the agent comes to a host, and whom it trusts there."""
import json
import os
import subprocess
import sys
import unittest
import zlib

from support import AGENT, Case

sys.path.insert(0, AGENT)
import bootstrap

SOURCES = {
    "__init__.py": "import os\n",
    "session.py": "def main(hello):\n    import os\n    from agent.other import WORD\n    os.write(1, WORD.encode())\n",
    "other.py": "WORD = 'it runs'\n",
    "launch.sh": "exit 0\n",
}


class Bootstrap(Case):
    def setUp(self):
        super().setUp()
        self.home = self.path("root/.deployer")
        self.file = self.home + "/agent/0123/" + sys.implementation.cache_tag

    def boot(self, lease=True, sends=True, agent="0123"):
        """Runs it as the client does; returns what it writes."""
        hello = json.dumps({"nonce": "n0", "root": self.path("root"), "agent": agent, "lease": lease})
        with open(os.path.join(AGENT, "bootstrap.py")) as file:
            code = file.read() + "\nboot(%r)\n" % hello
        packed = zlib.compress(json.dumps(SOURCES).encode())
        sent = b"%d\n%s" % (len(packed), packed) if sends else b""
        done = subprocess.run([sys.executable, "-ISBc", code], input=sent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.decode()

    def test_it_is_asked_for_once_and_kept(self):
        self.assertEqual(self.boot(), '\nn0 "wanted"\nit runs')
        self.assertEqual(self.boot(sends=False), "it runs")
        self.assertEqual(os.stat(os.path.dirname(self.file)).st_mode & 0o777, 0o700)
        self.assertEqual(os.listdir(os.path.dirname(self.file)), [sys.implementation.cache_tag])

    def test_who_only_reads_makes_no_folder(self):
        self.assertEqual(self.boot(lease=None), '\nn0 "wanted"\nit runs')
        self.assertFalse(os.path.exists(self.path("root")))

    def test_it_runs_from_memory_where_nothing_can_be_kept(self):
        self.write("root/.deployer/agent", "a file in the place of the folder")
        self.assertEqual(self.boot(), '\nn0 "wanted"\nit runs')
        self.assertEqual(self.read("root/.deployer/agent"), "a file in the place of the folder")

    def test_an_upload_that_is_cut_off_is_the_end(self):
        self.assertEqual(self.boot(sends=False), '\nn0 "wanted"\n')
        self.assertFalse(os.path.exists(self.home))

    def keep(self):
        os.makedirs(self.home, exist_ok=True)
        bootstrap.keep(self.home, self.file, bootstrap.compiled(SOURCES))
        self.assertIsNotNone(bootstrap.kept(self.file))

    def test_what_is_not_whole_is_not_run(self):
        self.keep()
        with open(self.file, "r+b") as file:
            file.seek(20)
            file.write(b"x")
        self.assertIsNone(bootstrap.kept(self.file))
        os.truncate(self.file, 2)
        self.assertIsNone(bootstrap.kept(self.file))

    def test_what_others_may_write_is_not_run(self):
        self.keep()
        os.chmod(os.path.dirname(self.file), 0o770)
        self.assertIsNone(bootstrap.kept(self.file))

    @unittest.skipIf(os.getuid(), "only root gives files away")
    def test_what_somebody_else_owns_is_not_run(self):
        self.keep()
        os.chown(self.file, 1, 1)
        self.assertIsNone(bootstrap.kept(self.file))

    def test_a_link_is_not_followed(self):
        self.keep()
        os.rename(self.file, self.file + ".real")
        os.symlink(self.file + ".real", self.file)
        self.assertIsNone(bootstrap.kept(self.file))

    def test_of_other_versions_the_oldest_go(self):
        top = self.home + "/agent/"
        for age, name in enumerate(["newest", "newer", "older", "oldest"]):
            os.makedirs(top + name)
            os.utime(top + name, (1000 - age, 1000 - age))
        self.keep()
        self.assertEqual(sorted(os.listdir(top)), ["0123", "newer", "newest"])

    def test_a_module_is_code_and_anything_else_text(self):
        codes, texts = bootstrap.compiled(SOURCES)
        self.assertEqual(sorted(codes), ["agent", "agent.other", "agent.session"])
        self.assertEqual(texts["launch.sh"], "exit 0\n")
