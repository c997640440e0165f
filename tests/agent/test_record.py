"""Which commands were run on a host, and how they ended."""
import json
import os
from unittest import mock

from support import Case

from agent import lease, record
from agent.record import Record, commands


class Recorded(Case):
    def setUp(self):
        super().setUp()
        self.home = self.path(".deployer")
        os.makedirs(self.home)

    def begin(self, verb="deploy", **more):
        return Record(self.home, dict({"verb": verb, "by": "ann@laptop"}, **more))

    def test_each_command_is_one_entry_with_its_end(self):
        first = self.begin(commit="c0ffee")
        first.outcome = {"end": "failed", "step": "virtualenv", "reason": "no_version"}
        first.end("unchanged")
        with mock.patch("os.getpid", return_value=7):
            self.begin("prune").end("unchanged")
        found = commands(self.home)
        self.assertEqual([entry["end"] for entry in found], ["failed", "unchanged"])
        self.assertEqual((found[0]["commit"], found[0]["step"], found[0]["reason"]), ("c0ffee", "virtualenv", "no_version"))
        self.assertGreaterEqual(found[0]["seconds"], 0)

    def test_what_has_no_end_was_cut_off_or_runs(self):
        self.begin()
        self.assertEqual([entry["end"] for entry in commands(self.home)], ["cut_off"])
        self.write(".deployer/session", lease.name_of(os.getpid()))
        self.assertEqual([entry["end"] for entry in commands(self.home)], ["running"])

    def test_what_ran_beside_all_others_is_known_by_its_name(self):
        name = self.begin("run", command="python").name
        self.assertNotIn("end", commands(self.home)[0])
        record.ended(self.home, {"record": name, "code": 3})
        entry, = commands(self.home)
        self.assertEqual((entry["command"], entry["end"], entry["exit"]), ("python", "failed", 3))

    def test_a_torn_line_costs_no_other(self):
        self.begin("stop").end("done")
        with open(self.home + "/commands.jsonl", "a") as file:
            file.write('{"verb": "depl')
        # Of two in one millisecond, the number of the process tells which is which.
        with mock.patch("os.getpid", return_value=7):
            self.begin("lock").end("done")
        self.assertEqual([entry["verb"] for entry in commands(self.home)], ["stop", "lock"])

    def test_it_stays_small_and_keeps_the_last(self):
        self.write(".deployer/commands.jsonl", "".join(
            json.dumps({"verb": "old", "at": number, "pid": 1, "by": "x" * 200}) + "\n" for number in range(3000)))
        last = self.begin("stop", by="y" * 5000)
        last.end("done")
        self.assertLess(os.path.getsize(self.home + "/commands.jsonl"), 2 * record.KEPT)
        found = commands(self.home)
        self.assertEqual((found[-1]["verb"], found[-1]["end"], len(found[-1]["by"])), ("stop", "done", 200))
        self.assertGreater(len(found), 900)

    def test_a_disk_that_is_full_stops_nothing(self):
        os.symlink("/dev/full", self.home + "/commands.jsonl")
        self.begin().end("done")
        self.assertEqual(commands(self.home), [])
