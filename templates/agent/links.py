"""The links `live` and `next`, and what leads nginx from a slot without a socket to one that has one."""
import os

from agent.files import replace_link, sync_folder
from agent.proc import listens


def point_both(root, live):
    """Makes the links lead to their slots by a rename each, so that no reader ever finds one missing."""
    roles = (("next", "green" if live == "blue" else "blue"), ("live", live))
    # All that can be refused comes before the rename that counts.
    for name, color in roles:
        temporary = "%s/.%s.new" % (root, name)
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink("%s/%s" % (root, color), temporary)
    for name, _ in roles:
        os.rename("%s/.%s.new" % (root, name), "%s/%s" % (root, name))
    sync_folder(root)


def bridge(root, color):
    """Before a slot that has no socket takes the place of one that has: workers of nginx that still follow the link, until
    they have read otherwise or because they finish a request that came before, go on reaching the one that has."""
    other = "green" if color == "blue" else "blue"
    if listens(root, color) or not listens(root, other):
        return
    replace_link("%s/%s/app.sock" % (root, color), "../%s/app.sock" % other)


def unbridge(slot):
    """Takes that away again: the slot's next server may want the place, and next must not show what is live."""
    if os.path.islink(slot + "/app.sock"):
        os.unlink(slot + "/app.sock")
