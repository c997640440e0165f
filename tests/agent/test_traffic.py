"""What a watched switch sees of the requests, by nginx's access log."""
import time
from unittest import mock

from support import Case

from agent.traffic import Traffic, second_of

NOW = 1795000100
LINE = '127.0.0.1 - - [%s] "GET / HTTP/1.1" %d 12 "-" "curl"\n'


def line(second, status=200):
    return LINE % (time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second)), status)


class Watched(Case):
    def setUp(self):
        super().setUp()
        self.log = self.write("access.log")
        self.addCleanup(mock.patch.stopall)
        mock.patch("agent.traffic.time.time", return_value=NOW).start()

    def add(self, *lines):
        with open(self.log, "a") as file:
            file.writelines(lines)

    def shown(self, traffic):
        traffic.show()
        return self.told()[-1]["traffic"]

    def test_the_time_of_a_line_is_that_of_its_zone(self):
        self.assertEqual(second_of(b'[18/Nov/2026:17:08:20 +0530] "'), second_of(b'[18/Nov/2026:11:38:20 +0000] "'))
        self.assertEqual(second_of(b'[18/Nov/2026:07:08:20 -0430] "'), second_of(b'[18/Nov/2026:11:38:20 +0000] "'))
        self.assertEqual(second_of(line(NOW).encode()), NOW)
        for other in (b"2026-11-18T11:38:20+00:00", b"[18/Foo/2026:11:38:20 +0000]", b""):
            self.assertIsNone(second_of(other))

    def test_requests_are_those_of_the_release_that_was_live(self):
        self.add(line(NOW - 100), line(NOW - 3), line(NOW - 2, 502))
        traffic = Traffic({"access_log": self.log})
        self.add(line(NOW - 1))
        traffic.switched()
        self.add(line(NOW), line(NOW), line(NOW, 500), "torn [")
        self.assertTrue(traffic.proven())
        self.assertEqual((traffic.requests, traffic.errors), (0, 0))
        self.add("line\n", line(NOW + 1), line(NOW + 1, 503))
        traffic.took({"status": 200, "seconds": 0.012})
        traffic.took({"error": "refused", "seconds": 1})
        seen = self.shown(traffic)
        self.assertEqual((traffic.requests, traffic.errors), (2, 1))
        self.assertEqual((seen["by"], seen["begin"], seen["width"]), ("log", NOW - 3, 1))
        counts = [(column["old"], column["new"], column["lost"]) for column in seen["columns"]]
        self.assertEqual(counts, [(1, 0, 0), (1, 0, 0), (1, 0, 0), (0, 2, 1), (0, 1, 1)])
        self.assertEqual(seen["columns"][3]["slowest"], 12)

    def test_a_log_of_another_format_is_counted_by_when_it_is_looked_at(self):
        self.add('x "GET / HTTP/1.1" 200\n')
        traffic = Traffic({"access_log": self.log})
        self.add('x "GET / HTTP/1.1" 200\n')
        traffic.switched()
        self.assertEqual([column["old"] for column in self.shown(traffic)["columns"]], [1])

    def test_a_log_that_is_rotated_goes_on(self):
        traffic = Traffic({"access_log": self.log})
        self.add(*[line(NOW) for _ in range(5)])
        traffic.switched()
        self.write("access.log", line(NOW))
        self.assertTrue(traffic.look())
        self.assertEqual((traffic.requests, traffic.errors), (6, 0))

    def test_where_none_can_be_read_the_looks_remain(self):
        for path in (None, self.path("no/such.log")):
            traffic = Traffic({"access_log": path})
            self.assertFalse(traffic.proven())
            traffic.show()
            traffic.took({"status": 200, "seconds": 0.5})
            seen = self.shown(traffic)
            self.assertEqual((seen["by"], len(seen["columns"]), seen["columns"][0]["usual"]), ("nobody", 1, 500))

    def test_a_day_becomes_a_picture(self):
        traffic = Traffic({"access_log": self.log})
        traffic.switched()
        for second in range(86400):
            traffic.count(NOW + second, False)
        seen = self.shown(traffic)
        self.assertLessEqual(len(seen["columns"]), 600)
        self.assertEqual(sum(column["new"] for column in seen["columns"]), 86400)
