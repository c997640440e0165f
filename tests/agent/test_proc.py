"""Whose a process is."""
import os

from support import Case

from agent import proc


class Proc(Case):
    def setUp(self):
        super().setUp()
        self.slot = self.path("blue")
        os.makedirs(self.slot + "/etc/pids")

    def started(self, name=None, slot=None, words=("cat",), **options):
        """A process as the launcher starts it, once it is what it becomes."""
        variables = {"PATH": os.environ["PATH"]}
        if name:
            variables.update(DEPLOYER_SLOT=slot or self.slot, DEPLOYER_PROCESS=name)
        child = self.child("sh", "-c", 'echo; exec "$0" "$@"', *words, env=variables, **options)
        child.stdout.readline()
        child.stdin.write(b"there\n")
        child.stdin.flush()
        child.stdout.readline()
        return child.pid

    def gunicorn(self, **options):
        script = self.write("gunicorn", "while read line; do echo $line; done\n")
        return self.started(words=("sh", script), **options)

    def test_a_process_is_of_the_slot_that_its_launcher_named(self):
        pid = self.started("worker")
        self.assertEqual(proc.origin(pid, self.slot), "worker")
        self.assertIsNone(proc.origin(pid, self.path("green")))
        self.assertIsNone(proc.origin(self.started(), self.slot))

    def test_the_slot_may_be_named_by_a_link(self):
        os.symlink("blue", self.path("live"))
        self.assertEqual(proc.origin(self.started("web", self.path("live")), self.slot), "web")

    def test_only_the_web_server_is_the_slots_own(self):
        self.assertTrue(proc.is_ours(self.started("web"), self.slot))
        self.assertFalse(proc.is_ours(self.started("worker"), self.slot))
        self.assertFalse(proc.is_ours(self.started("web", self.path("green")), self.slot))
        self.assertFalse(proc.is_ours(self.started(), self.slot))

    def test_an_older_deployers_gunicorn_is_known_by_where_it_is(self):
        self.assertTrue(proc.is_ours(self.gunicorn(cwd=self.slot), self.slot))
        os.mkdir(self.path("elsewhere"))
        self.assertFalse(proc.is_ours(self.gunicorn(cwd=self.path("elsewhere")), self.slot))

    def test_what_wrote_over_its_variables_is_known_by_its_session(self):
        pid = self.started(start_new_session=True)
        self.assertFalse(proc.is_ours(pid, self.slot))
        self.write("blue/etc/pids/web", "%d %d" % (pid, proc.stat_of(pid)["start"]))
        self.assertTrue(proc.is_ours(pid, self.slot))

    def test_a_name_is_a_number_and_a_start(self):
        pid = self.started()
        start = proc.stat_of(pid)["start"]
        for text, found in (("%d %d" % (pid, start), (pid, [])), ("%d %d critical" % (pid, start), (pid, ["critical"])),
                            ("%d %d" % (pid, start + 1), None), ("%d" % pid, None), ("x y", None), ("", None)):
            self.assertEqual(proc.named(self.write("named", text)), found, text)
        self.assertIsNone(proc.named(self.path("none")))

    def test_a_zombie_does_not_live(self):
        child = self.child("true")
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        self.assertIsNone(proc.stat_of(child.pid))
        self.assertEqual(proc.wait_gone([child.pid], 0), [])

    def test_what_a_pid_file_says(self):
        ours, stranger = self.started("web"), self.started()
        gone = self.child("true")
        gone.wait()
        for text, word, pid in ((None, "none", None), ("", "garbage", None), ("x", "garbage", None), ("-3", "garbage", -3),
                                ("1", "stranger", 1), (str(gone.pid), "stale", gone.pid), ("%d\n" % ours, "ours", ours),
                                (str(stranger), "stranger", stranger)):
            if text is not None:
                self.write("blue/etc/app.pid", text)
            self.assertEqual(proc.pid_file(self.slot), (word, pid), text)

    def test_a_family_is_a_session_and_all_that_came_of_it(self):
        leader = self.child("sh", "-c", "exec 3<&0; cat <&3 & echo; wait", start_new_session=True)
        leader.stdout.readline()
        below = [pid for pid in proc.pids() if (proc.stat_of(pid) or {}).get("parent") == leader.pid]
        group = proc.family({leader.pid})
        self.assertEqual(set(group), {leader.pid, *below})
        self.assertEqual(proc.eldest(list(group)), leader.pid)
        self.assertNotIn(os.getpid(), group)
