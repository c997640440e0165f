"""A small application that says which slot and which commit answers."""

import os
import time

from flask import Flask, request

app = Flask(__name__)

COLOR = os.environ.get("BLUEGREEN", "nowhere")
COMMIT = os.environ.get("DEPLOYER_COMMIT_SHORT", "no commit")
GREETING = "hello"


@app.get("/")
def hello():
    return f"{GREETING} from {COLOR} {COMMIT}\n"


@app.get("/health")
def health():
    return "ok\n"


@app.get("/slow")
def slow():
    """Answers late, so that one can see a request outlive a cutover."""
    time.sleep(min(request.args.get("seconds", 3.0, type=float), 60))
    return f"{GREETING}, slowly, from {COLOR} {COMMIT}\n"
