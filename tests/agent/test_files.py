"""Files that are there whole or not at all."""
import json
import os
from unittest import mock

from support import Case

from agent import files


class Files(Case):
    def test_a_file_is_replaced_whole(self):
        path = self.path("a/b")
        files.write_whole(path, "one", 0o600)
        files.write_whole(path, "zwei ü", 0o640)
        self.assertEqual(files.read(path), "zwei ü")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        self.assertEqual(os.listdir(self.path("a")), ["b"])

    def test_what_cannot_be_written_leaves_the_old_and_nothing_new(self):
        path = self.write("a/b", "one")
        with mock.patch("os.fsync", side_effect=OSError(28, "no room")):
            self.assertRaises(OSError, files.write_whole, path, "two")
        self.assertEqual((files.read(path), os.listdir(self.path("a"))), ("one", ["b"]))

    def test_a_write_may_take_a_part(self):
        real = os.write
        with mock.patch("os.write", side_effect=lambda number, data: real(number, data[:1])):
            files.put(self.path("b"), "whole")
        self.assertEqual(self.read("b"), "whole")

    def test_what_is_the_same_is_left_alone(self):
        path = self.write("b", "one")
        before = os.stat(path).st_ino
        files.keep(path, "one")
        self.assertEqual(os.stat(path).st_ino, before)
        files.keep(path, "two")
        self.assertEqual(self.read("b"), "two")

    def test_a_line_after_a_torn_one_is_a_line_of_its_own(self):
        path = self.write("log", '{"n": 1}\n{"n": 2')
        files.append_line(path, {"n": 3})
        files.append_line(path, {"n": 4})
        self.assertEqual([entry["n"] for entry in files.entries(path)], [1, 3, 4])

    def test_of_many_lines_the_last_are_read(self):
        path = self.write("log", "".join(json.dumps({"n": n}) + "\n" for n in range(150)) + "[]\n")
        found = [entry["n"] for entry in files.entries(path)]
        self.assertEqual((found[0], found[-1], len(found)), (51, 149, 99))
        self.assertEqual(files.tail(path, 3), "[]\n")

    def test_a_document_is_an_object_or_nothing(self):
        self.assertEqual(files.document(self.write("a", '{"b": 1}')), {"b": 1})
        for text in ("", "[1]", "{", "null"):
            self.assertIsNone(files.document(self.write("a", text)))
        self.assertIsNone(files.document(self.path("none")))

    def test_a_link_moves_in_one_step(self):
        path = self.path("live")
        self.write(".live.new")
        for target in ("blue", "green"):
            files.replace_link(path, target)
            self.assertEqual(os.readlink(path), target)
        self.assertEqual(sorted(os.listdir(self.root)), [".printed", ".told", "live"])

    def test_what_is_half_written_has_no_name(self):
        for name in ("b", "a", "c.new"):
            self.write("folder/" + name)
        self.assertEqual(files.names(self.path("folder")), ["a", "b"])
        self.assertEqual(files.names(self.path("none")), [])

    def test_a_path_is_shown_without_what_a_terminal_obeys(self):
        self.assertEqual(files.readable("a\x1b[2J\nä"), "a?[2J?ä")

    def test_an_attempt_says_why_not(self):
        self.assertTrue(files.attempt(files.discard, self.path("none")))
        self.assertFalse(files.attempt(os.unlink, self.path("none")))
        self.assertIn("No such file", self.printed())
