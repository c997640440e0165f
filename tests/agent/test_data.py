"""Databases that are a slot's own."""
import os
import sqlite3

from support import Case

from agent import data


class Databases(Case):
    def setUp(self):
        super().setUp()
        self.slot = self.path("blue")
        os.makedirs(self.slot + "/repo/deep")
        os.makedirs(self.path("shared"))
        os.symlink(self.path("shared"), self.slot + "/repo/shared")

    def database(self, name):
        link = sqlite3.connect(os.path.join(self.slot, name))
        self.addCleanup(link.close)
        link.execute("CREATE TABLE person (name TEXT)")
        link.commit()

    def test_what_a_process_has_open_is_found_wherever_in_the_slot_it_is(self):
        for name in ("repo/deep/people.dat", "people.db", "repo/shared/people.db"):
            self.database(name)
        with open(self.slot + "/repo/notes.db", "w"):
            found = data.opened(self.slot, [os.getpid(), 1 << 22])
        self.assertEqual(found, {"deep/people.dat", "../people.db"})
        self.assertEqual(data.opened(self.slot, []), set())

    def test_what_is_open_counts_beside_what_lies_there(self):
        self.database("people.db")
        self.database("repo/more.db")
        repo = self.slot + "/repo"
        self.assertEqual(data.databases(repo, True), ["more.db"])
        self.assertEqual(data.databases(repo, True, [os.getpid()]), ["../people.db", "more.db"])
