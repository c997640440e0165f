"""The agent's modules need each other in one direction only, and each of them is needed."""
import ast
import os
import unittest

from support import AGENT

# Started from outside: by the client, by itself as root, by Django's own Python.
STARTS = {"bootstrap", "session", "migrations"}


def imports(source, modules):
    """The modules of the agent that a source names in an import, wherever it stands."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "agent":
            rest = node.module.split(".")[1:]
            found |= {rest[0]} if rest else {alias.name for alias in node.names} & modules
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("agent.")}
    return found


def circle(graph):
    """A walk that comes back to where it began, or None."""
    done = set()

    def walk(name, way):
        if name in way:
            return way[way.index(name):] + [name]
        if name in done:
            return None
        found = next(filter(None, (walk(below, way + [name]) for below in sorted(graph.get(name, ())))), None)
        done.add(name)
        return found

    return next(filter(None, (walk(name, []) for name in sorted(graph))), None)


class Imports(unittest.TestCase):
    def setUp(self):
        modules = {name[:-3] for name in os.listdir(AGENT) if name.endswith(".py") and name != "__init__.py"}
        self.graph = {}
        for name in modules:
            with open(os.path.join(AGENT, name + ".py")) as file:
                self.graph[name] = imports(file.read(), modules)

    def test_there_is_no_circle(self):
        self.assertIsNone(circle(self.graph))

    def test_a_circle_is_found(self):
        self.assertEqual(circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}), ["b", "c", "b"])
        self.assertEqual(imports("from agent.a import x\nfrom agent import b, text\nimport agent.c", {"a", "b", "c"}),
                         {"a", "b", "c"})

    def test_every_import_is_there_and_every_module_is_imported(self):
        imported = set().union(*self.graph.values())
        self.assertEqual(imported - set(self.graph), set())
        self.assertEqual(set(self.graph) - imported - STARTS, set())


if __name__ == "__main__":
    unittest.main()
