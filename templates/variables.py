# Digests of the variables in both slots' etc/env, so that they can be compared without a value travelling.
#
# argument: the root. On standard input, in JSON: the key of this one session, the names whose values must stay here,
# and whether the others' values are asked for.
import hashlib
import hmac
import json
import os
import shlex
import sys

root = sys.argv[1]
asked = json.loads(sys.stdin.read())
SECRETS = "# secrets: "


def digest(name, value):
    return hmac.new(asked["key"].encode(), ("%s\0%s" % (name, value)).encode(), hashlib.sha256).hexdigest()


def slot(color):
    try:
        with open("%s/%s/etc/env" % (root, color), encoding="utf-8", newline="") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    head = text.split("\n", 2)[1:2]
    secrets = head[0][len(SECRETS):].split() if head and head[0].startswith(SECRETS) else []
    variables = {}
    for word in shlex.split(text, comments=True):
        name, sign, value = word.partition("=")
        if sign:
            variables[name] = value
    told = {}
    for name, value in variables.items():
        told[name] = {"digest": digest(name, value), "secret": name in secrets}
        if asked["values"] and name not in secrets and name not in asked["hide"]:
            told[name]["value"] = value
    return told


def role(name):
    try:
        return os.path.basename(os.readlink("%s/%s" % (root, name)))
    except OSError:
        return None


print(json.dumps({
    "live": role("live"),
    "next": role("next"),
    "slots": {color: slot(color) for color in ("blue", "green")},
}))
