"""What a git that was cut off leaves behind."""
import os
import subprocess
from unittest import mock

from support import Case

from agent import git
from agent.wire import Failed


class Left(Case):
    def test_locks_and_what_a_power_loss_emptied(self):
        for name, text, left in (
                ("HEAD", "", True), ("HEAD", "ref: refs/heads/main", False), ("index", "", True), ("index.lock", "x", True),
                ("refs/heads/main", "", True), ("refs/heads/main.lock", "", True), ("logs/refs/heads/main", "", False),
                ("packed-refs", "", True), ("description", "", False), ("objects/pack/pack-1.keep", "", False)):
            self.assertEqual(git.is_left(self.write(".git/" + name, text)), left, name)


class Mended(Case):
    def setUp(self):
        super().setUp()
        self.repo = self.path("repo")
        subprocess.check_call(["git", "init", "-q", self.repo])

    def test_a_lock_that_nobody_holds_goes(self):
        path = self.write("repo/.git/modules/lib/index.lock")
        git.mend(self.repo + "/.git")
        self.assertFalse(os.path.exists(path))
        self.assertEqual(self.told(), [{"note": "removed what a git that was cut off left behind: modules/lib/index.lock"}])

    def test_a_lock_of_a_git_at_work_stays(self):
        path = self.write("repo/.git/index.lock")
        busy = self.child("git", "-C", self.repo, "cat-file", "--batch-check")
        busy.stdin.write(b"HEAD\n")
        busy.stdin.flush()
        busy.stdout.readline()
        with mock.patch.object(git, "wait_gone", lambda group, seconds: group):
            with self.assertRaises(Failed) as failed:
                git.mend(self.repo + "/.git")
        self.assertEqual(failed.exception.told, {"reason": "git_busy"})
        self.assertIn("process %d" % busy.pid, self.printed())
        self.assertTrue(os.path.exists(path))

    def test_half_a_repository_is_made_whole(self):
        self.write("repo/.git/HEAD")
        git.make(self.repo)
        self.assertIn("refs/heads/", self.read("repo/.git/HEAD"))

    def test_a_whole_one_is_left_alone(self):
        with mock.patch.object(git, "git") as ran:
            git.make(self.repo)
        self.assertEqual((ran.mock_calls, self.told()), ([], []))
