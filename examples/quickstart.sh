#!/bin/sh
# Shows deployer at work on this machine: rehearses blue/green deploys of a small Flask application on a throwaway host of
# its own sshd and nginx. Takes the deployer that is installed or was built here; with --build, or where there is none, it
# builds one. Other arguments go to `deployer rehearse`. Ends by itself; leaves the build and the Debian packages that it needed.
set -eu

cd "$(dirname -- "$0")/.."
PATH=$HOME/.cargo/bin:$PATH
export PATH
built=${CARGO_TARGET_DIR:-target}/release/deployer

if [ "${1:-}" = --build ]; then
    shift
    deployer=
else
    deployer=$(command -v deployer) || { [ ! -x "$built" ] || deployer=$built; }
fi
if [ -z "$deployer" ]; then
    examples/prepare.sh
    cargo build --release --locked
    deployer=$built
elif command -v apt-get >/dev/null; then
    examples/prepare.sh --rehearsal
fi
deployer=$(CDPATH='' cd -- "$(dirname -- "$deployer")" && pwd)/deployer
printf '%s\n' "quickstart: with $deployer, $("$deployer" --version)" >&2

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
