"""Lines in, lines out, and uploads between them."""
import os

from support import Case

from agent import wire


class Wire(Case):
    def test_a_line_is_the_nonce_and_one_object(self):
        self.assertTrue(wire.tell("note", "ä\n\x1b"))
        self.assertEqual(self.read(".told"), 'nonce {"note": "\\u00e4\\n\\u001b"}\n')

    def test_whom_nobody_hears_goes_on(self):
        source, sink = os.pipe()
        os.close(source)
        self.addCleanup(os.close, sink)
        wire._out = sink
        self.assertFalse(wire.tell("note", "x"))
        wire.close_line()

    def test_a_flush_stands_among_what_is_printed(self):
        wire.speak("one")
        wire.flush()
        self.assertEqual(self.printed(), "one\nnonce flush\n")

    def test_lines_wait_for_their_end(self):
        source, send = self.client()
        send(b'"beat"\n{"obs')
        self.assertEqual(source.line(), "beat")
        self.assertEqual(list(source.lines()), [])
        send(b'erve": 1}\n"stop"\n')
        self.assertEqual([source.line(), source.line()], [{"observe": 1}, "stop"])

    def test_a_torn_line_is_none(self):
        source, send = self.client()
        send(b'{"release"')
        send(None)
        self.assertIsNone(source.line())
        self.assertTrue(source.ended)

    def test_an_upload_is_exactly_as_long_as_it_was_told(self):
        source, send = self.client()
        send(b'"seed"\nabc')
        self.assertEqual(source.line(), "seed")
        send(b'defgh"stop"\n')
        path = self.path("upload")
        source.take(path, 8)
        self.assertEqual(self.read("upload"), "abcdefgh")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(source.line(), "stop")

    def test_a_client_that_goes_in_an_upload_is_gone(self):
        source, send = self.client()
        send(b"abc")
        send(None)
        self.assertRaises(wire.Gone, source.take, self.path("upload"), 8)
