"""nginx's site: written, and taken back where nginx refuses it."""
import os

from support import Case

from agent import site


class Site(Case):
    def setUp(self):
        super().setUp()
        for name in ("available", "enabled", "live/hello"):
            os.makedirs(self.path(name))
        self.file, self.linked = self.path("available/hello"), self.path("enabled/hello")

    def look(self, link=True):
        return site.look(self.file, self.linked if link else None, self.path("live/hello"))

    def put(self, content="new", test=("true",), reload=("true",), link=True):
        answer = site.act({"look": None, "put": {
            "file": self.file, "link": self.linked if link else None, "content": content, "test": list(test),
            "reload": list(reload)}})
        self.assertEqual([name for name in os.listdir(self.path("available")) if name.startswith(".")], [])
        return answer

    def test_nothing_is_there(self):
        found = self.look()
        self.assertEqual((found["exists"], found["text"], found["linked"], found["dangling"]), (False, None, False, False))
        self.assertTrue(found["writable"])
        self.assertFalse(found["certificate"] or found["secret"])

    def test_it_is_written_and_linked(self):
        self.write("live/hello/fullchain.pem")
        self.assertEqual(self.put(), {"failed": None, "said": ""})
        found = self.look()
        self.assertEqual((found["exists"], found["text"], found["linked"], found["certificate"]), (True, "new", True, True))
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o644)

    def test_a_link_that_leads_nowhere_is_seen(self):
        os.symlink(self.file, self.linked)
        found = self.look()
        self.assertEqual((found["linked"], found["dangling"]), (False, True))
        self.assertTrue(self.look(link=False)["linked"])

    def test_what_nginx_refuses_is_taken_back(self):
        answer = self.put(test=("sh", "-c", "echo no; exit 1"))
        self.assertEqual(answer, {"failed": "test", "said": "no\n"})
        self.assertFalse(os.path.lexists(self.file) or os.path.lexists(self.linked))

    def test_what_was_there_before_comes_back(self):
        self.put("old")
        for step, words in (("test", {"test": ["false"]}), ("reload", {"reload": ["false"]})):
            self.assertEqual(self.put(**words)["failed"], step)
            self.assertEqual((self.look()["text"], self.look()["linked"]), ("old", True))

    def test_a_reload_that_failed_is_run_again_with_what_was_there(self):
        count = self.path("count")
        self.put(reload=("sh", "-c", 'echo >>"$0"; exit 1', count))
        self.assertEqual(self.read("count"), "\n\n")

    def test_a_command_that_is_not_there_is_a_refusal(self):
        self.assertEqual(self.put(test=("/none",)), {"failed": "test", "said": "/none: No such file or directory"})

    def test_a_folder_that_is_not_there_is_told(self):
        self.file = self.path("none/hello")
        answer = site.put(self.file, None, "x", ["true"], ["true"])
        self.assertEqual(answer["failed"], "write")
        self.assertFalse(self.look()["writable"])

    def test_a_link_that_cannot_be_made_is_taken_back(self):
        self.linked = self.path("none/hello")
        self.assertEqual(self.put()["failed"], "link")
        self.assertFalse(os.path.lexists(self.file))
