"""Digests of the variables in both slots' etc/env, so that they can be compared without a value travelling."""
import hashlib
import hmac
import os
import shlex

SECRETS = "# secrets: "


def variables(settings, asked):
    """`asked`: the key of this one command, the names whose values must stay here, and whether the others' are asked for."""
    root = settings["root"]
    return {
        "live": role(root, "live"),
        "next": role(root, "next"),
        "slots": {color: slot("%s/%s/etc/env" % (root, color), asked) for color in ("blue", "green")},
    }


def slot(path, asked):
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    head = text.split("\n", 2)[1:2]
    secrets = head[0][len(SECRETS):].split() if head and head[0].startswith(SECRETS) else []
    told = {}
    for word in shlex.split(text, comments=True):
        name, sign, value = word.partition("=")
        if sign:
            told[name] = {"digest": digest(asked["key"], name, value), "secret": name in secrets}
            if asked["values"] and name not in secrets and name not in asked["hide"]:
                told[name]["value"] = value
    return told


def digest(key, name, value):
    return hmac.new(key.encode(), ("%s\0%s" % (name, value)).encode(), hashlib.sha256).hexdigest()


def role(root, name):
    try:
        return os.path.basename(os.readlink("%s/%s" % (root, name)))
    except OSError:
        return None
