#!/bin/sh
# try-release.sh FILE: on a fresh Debian, Ubuntu or Alpine, as root (a container), installs this file of a release, and rehearses
# examples/flask with it. There is no compiler and no Rust: what it needs of the system is what a rehearsal needs.
set -eu

file=$1
for tool in cc gcc cargo rustc deployer; do
    ! command -v "$tool" || { echo "try-release: not a fresh machine: it has $tool" >&2; exit 1; }
done
if command -v apk >/dev/null; then
    apk add --no-cache openssh nginx git python3
else
    "$(dirname -- "$0")/prepare.sh" --rehearsal
fi

case $file in
*.tar.gz) tar -xzf "$file" --strip-components 1 -C /usr/local ;;
*.deb) dpkg --install "$file" ;;
*.whl)
    # As pipx does it.
    python3 -m venv /opt/deployer
    /opt/deployer/bin/pip install --no-index --disable-pip-version-check "$file"
    ln -s /opt/deployer/bin/deployer /usr/local/bin/
    ;;
*) echo "try-release: what is $file?" >&2; exit 1 ;;
esac
case $file in
*.tar.gz | *.deb)
    # Where a minimal image leaves out documentation, dpkg does not unpack it either.
    cd "$(dirname -- "$(command -v deployer)")/../share"
    [ -n "$(find . -name _deployer)" ] && [ -n "$(find . -name 'deployer.fish')" ]
    cd - >/dev/null
    ;;
esac
"$(dirname -- "$0")/quickstart.sh"
echo "try-release: ok: $file"
