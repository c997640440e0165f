"""What the tests of the agent share: the package on the path, a folder, and what the agent says."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "templates")
AGENT = os.path.join(TEMPLATES, "agent")
sys.dont_write_bytecode = True
sys.path.insert(0, TEMPLATES)

from agent import wire  # noqa: E402


class Case(unittest.TestCase):
    """A test with a folder of its own, and with `told()`: what the agent has told its client."""

    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        number = os.open(os.path.join(self.root, ".told"), os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self.addCleanup(os.close, number)
        self.addCleanup(setattr, wire, "_out", wire._out)
        self.addCleanup(setattr, wire, "_nonce", wire._nonce)
        wire._out, wire._nonce, self.out = number, "nonce", number
        # What tools would print is not shown.
        printed = os.open(os.path.join(self.root, ".printed"), os.O_RDWR | os.O_CREAT | os.O_APPEND)
        errors = os.dup(2)
        os.dup2(printed, 2)
        os.close(printed)
        self.addCleanup(os.close, errors)
        self.addCleanup(os.dup2, errors, 2)

    def told(self):
        lines = self.read(".told").splitlines()
        self.assertTrue(all(line.startswith("nonce ") for line in lines), lines)
        return [json.loads(line[6:]) for line in lines]

    def printed(self):
        return self.read(".printed")

    def path(self, name):
        return os.path.join(self.root, name)

    def read(self, name):
        with open(self.path(name)) as file:
            return file.read()

    def write(self, name, text=""):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def client(self):
        """The agent's input, and the function by which a client sends."""
        source, sink = os.pipe()
        ends = {source, sink}
        self.addCleanup(lambda: [os.close(end) for end in ends])

        def send(data):
            if data is None:
                ends.remove(sink)
                os.close(sink)
            else:
                os.write(sink, data)

        return wire.Input(source), send

    def child(self, *words, **options):
        """A process that ends with the test; it lives until then if it is `cat`."""
        child = subprocess.Popen(words or ("cat",), stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)

        def end():
            child.kill()
            child.wait()
            child.stdin.close()
            child.stdout.close()

        self.addCleanup(end)
        return child
