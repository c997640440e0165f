"""What monitoring is told of a command."""
import http.server
import json
import os
import threading
from unittest import mock

from support import Case

from agent import metrics

ENTRY = {"verb": "cutover", "by": "ann@laptop", "at": 1795000060.5, "seconds": 0.5, "pid": 7, "end": "done",
         "commit": "c0ffee" * 6, "switched": True}


class Told(Case):
    def setUp(self):
        super().setUp()
        self.wanted = {"textfile": None, "otlp": None, "app": 'the "app"', "environment": "prod"}
        self.settings = {"root": self.root, "ports": {"blue": 1, "green": 2}, "metrics": self.wanted}
        self.write("blue/etc/release.json", json.dumps({"commit": "c0ffee", "by": "ann@laptop", "at": 1795000000}))
        os.symlink("blue", self.path("live"))
        os.symlink("green", self.path("next"))
        self.write(".deployer/history.jsonl", json.dumps({"verb": "cutover", "at": 1795000060.5}) + "\n")

    def collector(self, status=200, location=None):
        """A server that answers so; what it was sent is in `self.got`."""
        case, self.got = self, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                case.got.append((self.path, dict(self.headers), json.loads(body.decode())))
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *words):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(lambda: (server.shutdown(), server.server_close()))
        return "http://127.0.0.1:%d" % server.server_port

    def test_the_file_is_prometheus_own(self):
        self.wanted["textfile"] = self.path("app.prom")
        metrics.publish(self.settings, ENTRY)
        lines = self.read("app.prom").splitlines()
        own = 'app="the \\"app\\"",environment="prod"'
        self.assertIn('deployer_release{%s,slot="blue",role="live",commit="c0ffee",by="ann@laptop"} 1' % own, lines)
        self.assertIn("deployer_live_since_timestamp_seconds{%s} 1795000060.500" % own, lines)
        self.assertIn('deployer_slot_healthy{%s,slot="green",role="next"} 0' % own, lines)
        self.assertIn('deployer_last_command_timestamp_seconds{%s,verb="cutover",end="done"} 1795000060.500' % own, lines)
        self.assertEqual(self.told(), [])
        self.assertEqual([name for name in os.listdir(self.root) if name.endswith(".new")], [])

    def test_an_event_arrives_with_its_headers(self):
        self.wanted["otlp"] = self.collector()
        self.write("blue/etc/env", "export OTEL_EXPORTER_OTLP_HEADERS='X-Key=it%27s,Authorization=Bearer%20word'\n")
        metrics.publish(self.settings, dict(ENTRY, end="failed", step="switch", reason=None))
        (path, headers, body), = self.got
        self.assertEqual((path, headers["X-Key"], headers["Authorization"]), ("/v1/logs", "it's", "Bearer word"))
        resource, = body["resourceLogs"]
        record, = resource["scopeLogs"][0]["logRecords"]
        told = {pair["key"]: pair["value"] for pair in record["attributes"]}
        self.assertEqual((record["timeUnixNano"], record["severityText"]), ("1795000061000000000", "ERROR"))
        self.assertEqual(record["body"], {"stringValue": "cutover of c0ffeec: failed"})
        self.assertEqual(told["vcs.ref.head.revision"], {"stringValue": "c0ffee" * 6})
        self.assertEqual((told["deployer.switched"], told["deployer.seconds"]), ({"boolValue": True}, {"doubleValue": 0.5}))
        self.assertNotIn("deployer.reason", told)
        self.assertEqual(self.told(), [])

    def warned(self):
        metrics.publish(self.settings, ENTRY)
        warning, = self.told()
        return warning["warning"]

    def test_what_cannot_be_told_is_a_warning(self):
        self.wanted["textfile"] = self.path("no/such/folder/app.prom")
        self.assertIn("no/such/folder", self.warned())

    def test_nobody_else_gets_the_headers(self):
        self.write("blue/etc/env", "export OTEL_EXPORTER_OTLP_HEADERS='key=word'\n")
        elsewhere = self.collector()
        got = self.got
        self.wanted["otlp"] = self.collector(302, elsewhere)
        self.assertIn("status 302", self.warned())
        self.assertEqual(got, [])

    def test_a_collector_that_refuses_is_told(self):
        self.wanted["otlp"] = self.collector(401)
        self.assertIn("status 401", self.warned())

    def test_a_broken_header_is_not_told(self):
        self.wanted["otlp"] = self.collector()
        self.write("blue/etc/env", "export OTEL_EXPORTER_OTLP_HEADERS='key=wo%0Ard'\n")
        self.assertNotIn("rd", self.warned().split(":", 2)[2])

    def test_one_that_never_answers_is_not_waited_for(self):
        self.wanted["otlp"] = "http://127.0.0.1:9"
        with mock.patch("agent.metrics.PATIENCE", 0.05), \
                mock.patch("agent.metrics.send", side_effect=lambda *words: threading.Event().wait(5)):
            self.assertIn("no answer", self.warned())
