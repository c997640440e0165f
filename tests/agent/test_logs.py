"""The end of a log, and what is added to it."""
import os
from unittest import mock

from support import Case

from agent import logs
from agent.switch import verdict


class Tail(Case):
    def setUp(self):
        super().setUp()
        self.heard = b""
        patch = mock.patch.object(logs, "write", self.hear)
        patch.start()
        self.addCleanup(patch.stop)

    def hear(self, data):
        self.heard += data

    def said(self):
        heard, self.heard = self.heard.decode(), ""
        self.heard = b""
        return heard

    def tail(self, text, kind="slot"):
        tail = logs.Tail(self.write("log", text), kind)
        self.assertIsNone(tail.open(0))
        self.addCleanup(lambda: tail.file.close())
        return tail

    def add(self, text):
        with open(self.path("log"), "a") as file:
            file.write(text)

    def test_the_last_lines(self):
        for text, count, said in (("a\nb\nc\n", 2, "b\nc\n"), ("a\nb\nc", 2, "b\nc"), ("a\n", 5, "a\n"), ("", 5, ""),
                                  ("a\n", 0, ""), ("\n\n\n", 2, "\n\n"), ("10%\r20%\nb\n", 2, "10%\r20%\nb\n")):
            self.tail(text).last(count)
            self.assertEqual(self.said(), said, repr(text))

    def test_of_a_long_log_no_more_is_read_than_is_needed(self):
        tail = self.tail("".join("%06d\n" % number for number in range(30000)))
        tail.last(3)
        self.assertEqual(self.said(), "029997\n029998\n029999\n")
        tail.last(20000)
        self.assertEqual(self.said()[:7], "010000\n")

    def test_what_is_cut_off_was_read_long_ago(self):
        tail = self.tail("old\n" * 8 + "new\n")
        tail.last(1)
        with mock.patch.object(logs, "CUT", 32):
            self.write("log", "new\nnext\n")
            tail.poll()
        self.assertEqual(self.said(), "new\nnext\n")

    def test_what_is_added_follows(self):
        tail = self.tail("a\n")
        tail.last(1)
        self.add("b")
        tail.poll()
        self.add("c\n")
        tail.poll()
        tail.poll()
        self.assertEqual(self.said(), "a\nbc\n")

    def test_a_log_that_is_moved_away_is_read_to_its_end(self):
        tail = self.tail("a\n")
        tail.last(0)
        self.add("late\n")
        os.rename(self.path("log"), self.path("log.1"))
        self.write("log", "new\n")
        tail.poll()
        self.assertEqual(self.said(), "late\nnew\n")

    def test_a_log_that_is_emptied_begins_anew(self):
        tail = self.tail("a\nb\nc\n")
        tail.last(0)
        self.write("log", "new\n")
        tail.poll()
        self.assertEqual(self.said(), "new\n")

    def test_a_log_that_comes_later_is_found(self):
        tail = logs.Tail(self.path("late"), "slot")
        self.assertEqual(tail.open(0), "missing")
        tail.poll()
        self.write("late", "a\n")
        tail.poll()
        tail.file.close()
        self.assertEqual(self.said(), "a\n")

    def test_one_that_may_not_be_read_is_told(self):
        tail = logs.Tail(self.write("log"), "slot")
        with mock.patch("builtins.open", side_effect=PermissionError()):
            self.assertRaises(logs.Ended, tail.open, 0)
        self.assertEqual(self.told()[0]["unread"]["error"], "denied")

    def test_the_history_is_put_in_words_line_by_line(self):
        entry = '{"at": 0, "verb": "cutover", "color": "blue", "commit": "0123456789", "subject": "hi", "by": "ann"}\n'
        tail = self.tail(entry + "torn\n", "history")
        tail.last(5)
        self.assertEqual(self.said(), "1970-01-01T00:00:00Z  cutover  blue  0123456  hi  by ann\ntorn\n")
        self.add(entry[:20])
        tail.poll()
        self.assertEqual(self.said(), "")
        self.add(entry[20:])
        tail.poll()
        self.assertIn("cutover  blue", self.said())


class Verdict(Case):
    def test_what_an_answer_at_the_front_door_says(self):
        for answer, usual, said in (
                ({"ok": True, "status": 200}, None, "right"),
                ({"ok": False, "status": 401}, "401", "spared"),
                ({"ok": False, "status": 401}, "403", "wrong"),
                ({"ok": False, "status": 502}, "502", "wrong"),
                ({"ok": False, "status": 502, "passed": False}, None, "spared"),
                ({"ok": False, "status": 404, "passed": True}, None, "wrong"),
                ({"ok": False, "error": "refused"}, None, "wrong")):
            self.assertEqual(verdict(answer, usual), said, answer)
