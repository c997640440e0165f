#!/bin/sh
# Makes a Debian or Ubuntu machine ready to build deployer: installs what is missing, and nothing that is there.
# Further Debian packages may be named as arguments. No service is started, nor set to start at the next boot.
# With --rehearsal first it installs only what `deployer rehearse` runs: no compiler, no Rust.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

say() {
    printf '%s\n' "prepare: $*" >&2
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "not root, and sudo is not installed: as root, run: $*"
        return 1
    fi
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Debian starts a server when it installs it, which would put one on port 80 or 22 of somebody's own machine.
forbid_service_starts() {
    guard=/usr/sbin/policy-rc.d
    if [ -e "$guard" ]; then
        guard=
        return
    fi
    trap 'as_root rm -f "$guard"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    # shellcheck disable=SC2016 # the inner shell expands it
    as_root sh -c 'printf "#!/bin/sh\nexit 101\n" > "$1" && chmod 755 "$1"' sh "$guard"
}

allow_service_starts() {
    if [ -n "$guard" ]; then
        as_root rm -f "$guard"
        trap - EXIT INT TERM
    fi
}

# Runs apt-get once nobody else does, such as the updates of a machine that has just been made: they take minutes. It can wait
# for dpkg's lock by itself since version 2.0, but not for those of its lists and its archives.
patient_apt_get() {
    tries=120
    until said=$(as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 "$@" 2>&1 >&3); do
        printf '%s\n' "$said" >&2
        case $said in
        *'Could not get lock'*) [ "$tries" -gt 0 ] || return 1 ;;
        *) return 1 ;;
        esac
        say "waiting for that lock"
        tries=$((tries - 1))
        sleep 5
    done 3>&1
}

install_packages() {
    missing=
    for package in "$@"; do
        installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        say "this machine has no apt-get; install these by hand:$missing"
        return 1
    fi
    say "installing$missing"
    forbid_service_starts
    patient_apt_get update
    # shellcheck disable=SC2086 # a list of names without spaces
    patient_apt_get install -y --no-remove --no-install-recommends $missing
    allow_service_starts
    if [ -d /run/systemd/system ]; then
        case " $missing " in *' nginx '*) as_root systemctl disable nginx.service ;; esac
        case " $missing " in *' openssh-server '*) as_root systemctl disable ssh.service ;; esac
        case " $missing " in *' redis-server '*) as_root systemctl disable redis-server.service ;; esac
    fi
}

# Exit status 0 if rustc is there and new enough for Cargo.toml.
rust_suffices() {
    command -v cargo >/dev/null || return 1
    wanted=$(sed -n 's/^rust-version = "1\.\([0-9]*\).*/\1/p' "$here/Cargo.toml")
    # A rustup without a toolchain has a rustc that only complains.
    found=$(cd "$here" && rustc --version 2>/dev/null | sed 's/^rustc 1\.\([0-9]*\).*/\1/')
    [ "${found:-0}" -ge "$wanted" ]
}

install_rust() {
    PATH=$HOME/.cargo/bin:$PATH
    if rust_suffices; then
        return 0
    fi
    if ! command -v rustup >/dev/null; then
        # Debian's own rustc is too old; newer releases have rustup.
        install_packages ca-certificates curl
        if apt-cache show rustup >/dev/null 2>&1; then
            install_packages rustup
        else
            say "installing Rust from https://rustup.rs into $HOME/.cargo"
            script=$(curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs)
            printf '%s\n' "$script" | sh -s -- -y --profile minimal --no-modify-path
        fi
    fi
    rust_suffices || {
        rustup toolchain install stable --profile minimal
        rustup default stable
    }
    rust_suffices
}

rehearsal="openssh-server openssh-client nginx python3 python3-venv git ca-certificates"
if [ "${1:-}" = --rehearsal ]; then
    shift
    # shellcheck disable=SC2086 # a list of names without spaces
    install_packages $rehearsal "$@"
    exit
fi
# OpenSSL and libgit2 are built from source, hence the compiler, make and perl.
# shellcheck disable=SC2086 # a list of names without spaces
install_packages $rehearsal gcc libc6-dev make perl "$@"
install_rust
