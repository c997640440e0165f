"""The one protocol: a line is the session's nonce and one JSON object. What tools print travels apart, on standard error."""
import json
import os
import select
import time

_nonce = ""
_out = 1


class Failed(Exception):
    """An action did not come to its end. The reason has a name, which the client knows."""

    def __init__(self, reason, **details):
        Exception.__init__(self, reason)
        self.told = dict(details, reason=reason)


class Gone(Exception):
    """The client has hung up."""


def open_wire(nonce):
    """Takes standard input and output for the protocol: what the host's tools are given for theirs is empty, and standard
    error. Returns the client's input."""
    global _nonce, _out
    _nonce = nonce
    source, _out = os.dup(0), os.dup(1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    os.dup2(2, 1)
    # What the user's start-up files have printed need not have ended its line.
    close_line()
    return Input(source)


def tell(word, value=None):
    """Whether the client could be told. Where it is gone, the work goes on."""
    data = ("%s %s\n" % (_nonce, json.dumps({word: value}))).encode("ascii")
    try:
        while data:
            data = data[os.write(_out, data):]
    except OSError:
        return False
    return True


def moment(name):
    """A moment of a switch, for whoever draws a picture of it."""
    tell("moment", {"moment": name, "at": round(time.time(), 3)})


def close_line():
    """Ends a line that a killed process may have left half written."""
    try:
        os.write(_out, b"\n")
    except OSError:
        pass


def speak(line):
    """Prints a line, as a tool does."""
    try:
        os.write(2, (str(line) + "\n").encode("utf-8", "replace"))
    except OSError:
        pass


def flush():
    """Lets the client know that it has read all that was printed before."""
    speak(_nonce + " flush")


class Input:
    """What the client sends: lines of JSON, and between them the bytes of uploads."""

    def __init__(self, source):
        self.source, self.buffer, self.ended = source, b"", False

    def fill(self):
        data = os.read(self.source, 1 << 16)
        self.buffer += data
        self.ended = not data

    def lines(self):
        """The whole lines that are there, without waiting."""
        while b"\n" in self.buffer:
            line, _, self.buffer = self.buffer.partition(b"\n")
            yield json.loads(line.decode("utf-8"))

    def line(self):
        """The next line, or None at the end."""
        while b"\n" not in self.buffer:
            if self.ended:
                return None
            self.fill()
        return next(self.lines())

    def is_ready(self, seconds):
        return bool(select.select([self.source], [], [], seconds)[0])

    def take(self, path, count):
        """Writes exactly so many bytes to a file, which nobody else may read. What cannot be written is read all the same."""
        file = trouble = None
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            trouble = error
        while count:
            if not self.buffer:
                self.fill()
            if self.ended:
                raise Gone()
            piece, self.buffer = self.buffer[:count], self.buffer[count:]
            count -= len(piece)
            try:
                while piece and not trouble:
                    piece = piece[os.write(file, piece):]
            except OSError as error:
                trouble = error
        if file is not None:
            os.close(file)
        if trouble:
            raise trouble
