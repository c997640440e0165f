"""What the layout of a root says, and what is done to it by name."""
import os
from unittest import mock

from support import Case

from agent import layout, links, prune, static_files, units
from agent.wire import Failed


class Slots(Case):
    def setUp(self):
        super().setUp()
        for color in layout.COLORS:
            os.makedirs(self.path(color + "/etc/run"))
        self.settings = {"root": self.root, "unit": "deployer-srv-app"}

    def test_a_link_says_where_it_leads(self):
        os.symlink(self.path("blue"), self.path("live"))
        os.symlink("elsewhere", self.path("next"))
        self.assertEqual(layout.link(self.root, "live"), {"target": self.path("blue"), "color": "blue", "exists": True})
        self.assertEqual(layout.link(self.root, "next"), {"target": "elsewhere", "color": None, "exists": True})
        self.assertEqual(layout.link(self.root, "none"), {"target": None, "color": None, "exists": False})
        self.assertEqual(layout.link(self.root, "green"), {"target": None, "color": None, "exists": True})

    def test_a_release_can_run_where_all_that_it_needs_is(self):
        os.symlink(self.path("green"), self.path("live"))
        self.assertEqual(layout.where(self.settings, "live"), {"color": "green", "ready": False})
        for name in (".deployer/launch", "green/env", "green/etc/env", "green/etc/run/web"):
            self.assertFalse(layout.where(self.settings, "green")["ready"])
            self.write(name)
        self.assertEqual(layout.where(self.settings, "live"), {"color": "green", "ready": True})
        self.assertEqual(layout.where(self.settings, "blue"), {"color": "blue", "ready": False})
        self.assertEqual(layout.where(self.settings, "next"), {"color": None, "ready": False})

    def test_both_roles_move(self):
        self.write(".live.new")
        for live, other in (("blue", "green"), ("green", "blue")):
            links.point_both(self.root, live)
            self.assertEqual([layout.link(self.root, role)["color"] for role in ("live", "next")], [live, other])

    def test_nginx_is_led_to_the_slot_that_has_a_socket(self):
        with mock.patch.object(links, "listens", lambda root, color: color == "blue"):
            links.bridge(self.root, "blue")
            links.bridge(self.root, "green")
        self.assertFalse(os.path.lexists(self.path("blue/app.sock")))
        self.assertEqual(os.readlink(self.path("green/app.sock")), "../blue/app.sock")
        links.unbridge(self.path("green"))
        self.assertFalse(os.path.lexists(self.path("green/app.sock")))
        links.unbridge(self.path("green"))

    def test_a_slot_ends_its_own_units_and_no_other_roots(self):
        for unit in ("deployer-srv-app-blue-web", "deployer-srv-app-blue-worker", "deployer-srv-app-blue-gone",
                     "deployer-srv-app-blue-blue-web", "deployer-srv-app-green-web"):
            self.write("units/%s.service" % unit)
        self.write("blue/etc/run/worker")
        with mock.patch.object(units, "unit_folders", lambda: (self.path("units"), self.path("wants"))):
            self.assertEqual(units.units(self.settings, "blue"),
                             ["deployer-srv-app-blue-web.service", "deployer-srv-app-blue-worker.service"])
            self.assertEqual(units.process_units(self.settings, "blue"), {"worker": "deployer-srv-app-blue-worker.service"})
            self.assertEqual(units.unit_state(self.settings, "blue"), "written")
            self.assertEqual(units.unit_state(self.settings, "blue", "none"), "none")


class Prune(Case):
    def test_what_may_go(self):
        for path in ("virtualenvs/c0ffee", "requirements.x1", "look", "look.abc"):
            self.assertTrue(prune.MAY_GO.match(path), path)
        for path in ("virtualenvs", "virtualenvs/", "virtualenvs/a/b", "key", "agent/x", "requirements.", "/etc", "", "look/x"):
            self.assertFalse(prune.MAY_GO.match(path), path)

    def test_nothing_else_goes(self):
        self.write(".deployer/key")
        os.mkdir(self.path(".deployer/virtualenvs"))
        for path in ("virtualenvs/..", "../blue", "key", "virtualenvs/../key"):
            with self.assertRaises(Failed) as failed:
                prune.remove_one(self.root, path)
            self.assertEqual(failed.exception.told, {"reason": "not_ours"})
        self.assertTrue(os.path.exists(self.path(".deployer/key")))

    def test_a_virtualenv_in_use_stays(self):
        used = self.path(".deployer/virtualenvs/used")
        for name in ("used", "old"):
            self.write(".deployer/virtualenvs/%s/.complete" % name)
        os.mkdir(self.path("blue"))
        os.symlink(used, self.path("blue/env"))
        self.assertRaises(Failed, prune.remove_one, self.root, "virtualenvs/used")
        prune.remove_one(self.root, "virtualenvs/old")
        self.assertEqual(os.listdir(self.path(".deployer/virtualenvs")), ["used"])
        self.assertTrue(os.path.exists(used + "/.complete"))

    def test_each_thing_is_measured_by_its_kind(self):
        self.write(".deployer/virtualenvs/a/.complete")
        self.write(".deployer/virtualenvs/b/bin/python")
        self.write(".deployer/look.1/x")
        self.write(".deployer/key")
        os.symlink("a", self.path(".deployer/virtualenvs/c"))
        found = {entry["name"]: entry["kind"] for entry in prune.measure({"root": self.root})}
        self.assertEqual(found, {"a": "virtualenv", "b": "unfinished", "look.1": "leftover"})


class StaticFiles(Case):
    def keep(self, seconds=1000):
        action = {"app": "", "color": "blue", "folder": "static", "keep": seconds}
        static_files.keep_static({"root": self.root}, action)

    def aside(self, name):
        return self.read("aside/static/" + name)

    def test_what_goes_is_put_aside_and_nothing_newer_is_replaced(self):
        old = self.write("blue/repo/static/css/a.css", "old")
        os.utime(old, (1, 1))
        self.write("blue/repo/static/b.js", "b")
        self.write("aside/static/css/a.css", "new")
        self.keep()
        self.assertEqual((self.aside("css/a.css"), self.aside("b.js")), ("new", "b"))
        # Once more: a file that is there already, by another name, stays.
        self.keep()
        self.assertEqual(self.aside("b.js"), "b")
        self.assertEqual(os.listdir(self.path("aside/static/css")), ["a.css"])

    def test_a_file_and_a_folder_make_way_for_each_other(self):
        self.write("aside/static/a/x")
        self.write("aside/static/b")
        self.write("blue/repo/static/a", "file")
        self.write("blue/repo/static/b/y", "below")
        self.keep()
        self.assertEqual((self.aside("a"), self.aside("b/y")), ("file", "below"))

    def test_what_was_put_aside_long_ago_goes_and_its_folder_with_it(self):
        os.makedirs(self.path("blue/repo/static"))
        self.write("aside/static/old/x")
        self.keep(-1000)
        self.assertEqual(os.listdir(self.path("aside/static")), [])

    def test_a_site_of_an_older_deployer_finds_its_folder(self):
        self.write("shared/static/x", "there")
        static_files.aside(self.root, "")
        self.assertEqual(os.readlink(self.path("aside/static")), "../shared/static")

    def test_the_applications_own_shared_folder_is_left_as_it_is(self):
        self.write("shared/static/x")
        os.makedirs(self.path("blue/repo"))
        os.symlink("../../shared/static", self.path("blue/repo/static"))
        static_files.aside(self.root, "")
        self.assertFalse(os.path.islink(self.path("aside/static")))
        self.assertIn("run setup again", self.told()[0]["warning"])
