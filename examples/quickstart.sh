#!/bin/sh
# Shows deployer at work on this machine: builds it, and rehearses blue/green deploys of a small Flask application on
# a throwaway host of its own sshd and nginx. Ends by itself; leaves the build and the Debian packages that it needed.
set -eu

cd "$(dirname -- "$0")/.."
examples/prepare.sh
PATH=$HOME/.cargo/bin:$PATH
export PATH

cargo build --release --locked
deployer=$(CDPATH='' cd -- "${CARGO_TARGET_DIR:-target}" && pwd)/release/deployer

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# An application under version control, with a history of two commits.
commit() {
    git -C "$work" add --all
    git -C "$work" -c user.name=Quickstart -c user.email=quickstart@localhost -c commit.gpgsign=false \
        -c core.hooksPath=/dev/null commit --quiet --message "$1"
}
cp -R examples/flask/. "$work"
git -C "$work" init --quiet
commit "Say hello"
sed 's/^GREETING = .*/GREETING = "hello again"/' examples/flask/app.py > "$work/app.py"
commit "Say hello again"

cd "$work"
"$deployer" rehearse "$@"
