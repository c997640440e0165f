#!/bin/sh
# Installs what the tests need, builds, runs all of them, and prints a table of the suites; arguments go to `cargo test`.
# Exits as `cargo test` does, or as the agent's own tests do, which come first. The whole output is kept in target/test-output.txt.
set -eu

cd "$(dirname -- "$0")/.."
examples/prepare.sh apache2-utils wrk shellcheck curl nodejs procps systemd-container debootstrap e2fsprogs iproute2 \
    redis-server chromium tidy libssl-dev
PATH=$HOME/.cargo/bin:$PATH
export PATH

mkdir -p "${CARGO_TARGET_DIR:-target}"
target=$(CDPATH='' cd -- "${CARGO_TARGET_DIR:-target}" && pwd)
tools=$target/test-tools
wheels=$target/wheelhouse
requirements="examples/flask/requirements.txt examples/django/requirements.txt tests/requirements.txt"

# The tests' deploys install from this folder, so that they neither need nor wait for the network.
# shellcheck disable=SC2086 # names without spaces
stamp="$(/usr/bin/python3 --version) $(cat $requirements | cksum)"
if [ ! -x "$tools/bin/uv" ] || [ ! -x "$tools/bin/jsonschema" ]; then
    /usr/bin/python3 -m venv --clear "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check uv jsonschema
fi
if [ "$(cat "$wheels/.made-of" 2>/dev/null)" != "$stamp" ]; then
    rm -rf "$wheels"
    "$tools/bin/pip" download --quiet --disable-pip-version-check --dest "$wheels" \
        --requirement examples/flask/requirements.txt --requirement examples/django/requirements.txt \
        --requirement tests/requirements.txt
    printf '%s\n' "$stamp" > "$wheels/.made-of"
fi

# Without it the tests on a Debian host are skipped, and say so; in CI they fail. Twice, since a mirror may falter.
debian=$target/debian/disk
tests/it/debian/image.sh "$debian" || tests/it/debian/image.sh "$debian" || true

DEPLOYER_TEST_WHEELS=$wheels
DEPLOYER_TEST_UV=$tools/bin/uv
DEPLOYER_TEST_DEBIAN=$debian
export DEPLOYER_TEST_WHEELS DEPLOYER_TEST_UV DEPLOYER_TEST_DEBIAN

# Who uses a host waits for one of two places for each core, and who measures for the whole machine (tests/it/support/turn.rs):
# with as many threads those that wait keep nobody else waiting.
: "${RUST_TEST_THREADS:=$(($(nproc) * 8))}"
export RUST_TEST_THREADS

# The rows that tests print are shown for those only that fail, unless they are asked for.
separated=
for argument in "$@"; do
    [ "$argument" != -- ] || separated=yes
done
[ -n "$separated" ] || set -- "$@" --
set -- "$@" --show-output

# A pipe's status is that of its last command, so that of cargo goes by way of a file.
output=$target/test-output.txt
status=$target/test-status
echo 1 > "$status"
{
    result=0
    /usr/bin/python3 -B -m unittest discover --quiet --start-directory tests/agent 2>&1 || result=$?
    cargo test --locked --no-fail-fast "$@" 2>&1 || result=$?
    echo "$result" > "$status"
} | tee "$output"
awk -f tests/table.awk "$output"
exit "$(cat "$status")"
