"""The deployer's own part on a host: one process for each command. Python 3.6 or later, standard library only."""
import os


def text(name):
    """A file of the package that is no module of it."""
    loader = globals().get("__loader__")
    if hasattr(loader, "texts"):
        return loader.texts[name]
    with open(os.path.join(os.path.dirname(__file__), name)) as file:
        return file.read()
