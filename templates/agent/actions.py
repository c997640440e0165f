"""What a plan is made of: a function for each action, by its name on the wire, with the settings and the action's fields."""
from agent.git import check_out, seed
from agent.hooks import build, collect, release, smoke, test_nginx
from agent.judge import migrations
from agent.prune import pack, remove
from agent.slots import configure, introduce, lay_out
from agent.slots import link_role as link
from agent.static_files import keep_static
from agent.switch import switch
from agent.virtualenv import virtualenv
from agent.web import record, start, stop, stop_old, warm

__all__ = [
    "build", "check_out", "collect", "configure", "introduce", "keep_static", "lay_out", "link", "migrations", "pack",
    "record", "release", "remove", "seed", "smoke", "start", "stop", "stop_old", "switch", "test_nginx", "virtualenv", "warm",
]
