"""One deployer at a time, and who may take over from whom."""
import fcntl
import json
import os
import time
from unittest import mock

from support import Case

from agent import lease
from agent.lease import Lease, last_step
from agent.proc import stat_of

ANN = {"by": "ann@laptop", "verb": "deploy"}


class Taken(Case):
    def setUp(self):
        super().setUp()
        self.home = self.path(".deployer/")
        self.source, self.send = self.client()

    def take(self, **wanted):
        mine = Lease(self.root)
        self.addCleanup(mine.close)
        wanted = dict({"holder": ANN, "patience": 0, "break": False, "even_if_full": False}, **wanted)
        try:
            mine.take(wanted, self.source)
        except SystemExit:
            mine.close()
            raise
        return mine

    def denied(self, **wanted):
        with self.assertRaises(SystemExit) as ended:
            self.take(**wanted)
        return ended.exception.code

    def hold(self, silent=0, child=None):
        """Somebody else holds it; returns their process, which holds the lock itself."""
        self.write(".deployer/holder", json.dumps({"by": "bob@pc", "verb": "cutover"}))
        self.write(".deployer/beat")
        os.utime(self.home + "beat", (time.time() - silent, time.time() - silent))
        number = os.open(self.home + "lock", os.O_WRONLY | os.O_CREAT)
        fcntl.flock(number, fcntl.LOCK_EX)
        holder = self.child(pass_fds=[number])
        os.close(number)
        self.write(".deployer/session", lease.name_of(holder.pid))
        return holder

    def test_it_is_taken_and_given_back(self):
        mine = self.take()
        self.assertEqual(json.loads(self.read(".deployer/holder")), ANN)
        self.assertEqual(os.stat(self.home + "lock").st_mode & 0o777, 0o600)
        self.assertEqual(self.read(".deployer/session"), "%d %d" % (os.getpid(), stat_of(os.getpid())["start"]))
        mine.begin(1, "next", "build")
        mine.end(1, True)
        mine.release(True)
        self.assertEqual(sorted(os.listdir(self.home)), ["beat", "commands.jsonl", "lock"])
        self.take()
        self.assertEqual(self.told(), [])

    def test_who_comes_second_is_denied_and_told_by_whom(self):
        holder = self.hold()
        self.assertEqual(self.denied(), 13)
        locked, denied = self.told()
        self.assertEqual(locked["locked"]["holder"]["by"], "bob@pc")
        self.assertEqual(denied, {"denied": None})
        self.assertIsNone(holder.poll())

    def test_it_is_waited_for(self):
        holder = self.hold()
        real = lease.takeover

        def then(home, breaks):
            # Once it was looked at, the holder ends.
            found = real(home, breaks)
            holder.stdin.close()
            return found

        with mock.patch.object(lease, "takeover", then):
            self.take(patience=10)
        self.assertEqual(json.loads(self.read(".deployer/holder")), ANN)

    def test_who_goes_while_they_wait_is_waited_for_no_longer(self):
        self.hold()
        self.send(None)
        with self.assertRaises(SystemExit) as ended:
            self.take(patience=10)
        self.assertEqual((ended.exception.code, "denied" in str(self.told())), (0, False))

    def test_a_holder_whose_client_is_silent_is_ended(self):
        holder = self.hold(silent=lease.SILENT + 5)
        self.take()
        self.assertEqual(holder.wait(), -9)
        self.assertIn("took over from bob@pc, whose client was silent for 35 s", self.told()[-1]["note"])

    def test_one_that_lives_is_ended_where_that_is_asked_for(self):
        holder = self.hold()
        self.take(**{"break": True})
        self.assertEqual(holder.wait(), -9)

    def test_a_step_that_must_finish_is_waited_for(self):
        holder = self.hold(silent=lease.SILENT + 5)
        self.write(".deployer/child", lease.name_of(holder.pid) + " critical")
        with mock.patch.object(Lease, "locked", return_value=False):
            self.assertEqual(self.denied(), 13)
        self.assertIsNone(holder.poll())

    def test_what_was_cut_off_is_told_to_the_next(self):
        self.write(".deployer/holder", '{"by": "bob@pc"}')
        self.write(".deployer/journal", "begin 1 next build\n")
        self.write(".deployer/child", "1 1 guarded")
        self.write(".deployer/upload.1", "half")
        mine = self.take()
        self.assertEqual(self.read(".deployer/interrupted"), '{"by": "bob@pc"}')
        self.assertEqual(last_step(self.home + "interrupted.journal"), ("build", "next"))
        for name in ("child", "journal", "upload.1"):
            self.assertFalse(os.path.exists(self.home + name), name)
        mine.release(False)
        self.assertTrue(os.path.exists(self.home + "interrupted"))
        self.take().release(True)
        self.assertFalse(os.path.exists(self.home + "interrupted"))

    def test_a_holder_that_had_begun_nothing_leaves_nothing_to_mend(self):
        self.write(".deployer/holder", '{"by": "bob@pc"}')
        self.take()
        self.assertFalse(os.path.exists(self.home + "interrupted"))

    def test_a_full_disk_stops_only_those_that_need_room(self):
        with mock.patch.object(lease, "put", side_effect=OSError(28, "no room")):
            self.assertEqual(self.denied(), 12)
            self.assertEqual(self.told(), [{"unwritable": None}])
            self.take(even_if_full=True).close()

    def test_the_room_kept_in_reserve_is_given_up_where_it_is_needed(self):
        for is_short, even_if_full, left in ((False, True, True), (True, False, True), (True, True, False)):
            self.write(".deployer/reserve/00")
            with mock.patch.object(lease, "is_short", return_value=is_short):
                self.take(even_if_full=even_if_full).release(True)
            self.assertEqual(os.path.exists(self.home + "reserve"), left)

    def test_a_root_that_cannot_be_made_is_unwritable(self):
        self.write(".deployer", "a file in its place")
        self.assertEqual(self.denied(), 12)

    def test_who_only_reads_writes_nothing(self):
        reader = Lease(self.root)
        reader.beat()
        reader.begin(1, "next", "build")
        reader.end(1, True)
        reader.release(True)
        self.assertFalse(os.path.exists(self.home))


class Journal(Case):
    def last(self, text):
        return last_step(self.write("journal", text))

    def test_the_step_begun_last(self):
        self.assertEqual(self.last("begin 1 next check_out\nend 1 0\nbegin 2 live switch\n"), ("switch", "live"))
        self.assertEqual(self.last("begin 1 nothing test_nginx\n"), ("test nginx", "nothing"))

    def test_an_older_deployers(self):
        self.assertEqual(self.last("begin 1 switch\n"), ("switch", None))

    def test_none(self):
        self.assertEqual(self.last(""), (None, None))
        self.assertEqual(self.last("end 1 0\nbegin 2"), (None, None))
        self.assertEqual(last_step(self.path("none")), (None, None))
