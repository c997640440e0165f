#!/bin/sh
# Builds into target/dist what a release holds, on one Debian or Ubuntu machine, and tries it:
#   wheels for pip, pipx and uv: for glibc 2.17 or later, and for musl (Alpine)
#   tar files: the static binary, man pages, completions; a .deb with the same
#   a list of all that is built in (SBOM, CycloneDX), and SHA256SUMS
# Without arguments for this machine's processor; with some, for these targets of Rust: aarch64-unknown-linux-musl ...
# As root it also installs each file in a fresh Debian, and rehearses with it there (TRY=no leaves that out).
set -eu

cd "$(dirname -- "$0")/.."
own=$(uname -m)-unknown-linux
[ $# -gt 0 ] || set -- "$own-gnu" "$own-musl"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
mkdir -p "${CARGO_TARGET_DIR:-target}"
target=$(CDPATH='' cd -- "${CARGO_TARGET_DIR:-target}" && pwd)
dist=$target/dist
tools=$target/release-tools

say() {
    printf '%s\n' "release: $*" >&2
}

examples/prepare.sh binutils
PATH=$tools/bin:$HOME/.cargo/bin:$PATH
export PATH
# zig is the C compiler and the linker: it has the libraries of every target and of every glibc.
[ -x "$tools/bin/maturin" ] || /usr/bin/python3 -m venv "$tools"
pip install --quiet --disable-pip-version-check maturin==1.16.0 ziglang==0.17.1
# The same sources make the same files; flags for this machine's own linker mean nothing to zig.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
unset RUSTFLAGS
rm -rf "$dist"
mkdir -p "$dist"

# What lies beside a binary that was installed: $1/bin, $1/share.
lay_out() {
    install -D -m 755 "$binary" "$1/bin/deployer"
    mkdir -p "$1/share/bash-completion/completions" "$1/share/zsh/site-functions" "$1/share/fish/vendor_completions.d"
    PATH=$target/$runs/release:$PATH
    deployer man --out "$1/share/man/man1" >/dev/null
    deployer completions bash > "$1/share/bash-completion/completions/deployer"
    deployer completions zsh > "$1/share/zsh/site-functions/_deployer"
    deployer completions fish > "$1/share/fish/vendor_completions.d/deployer.fish"
    install -D -m 644 LICENSE "$1/share/doc/deployer/copyright"
}

make_tar() {
    name=deployer-$version-$1
    lay_out "$work/$name"
    tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
        gzip -9n > "$dist/$name.tar.gz"
}

make_deb() {
    case $1 in x86_64-*) arch=amd64 ;; *) arch=arm64 ;; esac
    rm -rf "$work/deb"
    lay_out "$work/deb/usr"
    mv "$work/deb/usr/share/zsh/site-functions" "$work/deb/usr/share/zsh/vendor-completions"
    gzip -9n "$work"/deb/usr/share/man/man1/*
    mkdir "$work/deb/DEBIAN"
    cat > "$work/deb/DEBIAN/control" <<EOF
Package: deployer
Version: $version
Architecture: $arch
Maintainer: the authors of deployer <noreply@localhost>
Depends: libc6 (>= 2.17)
Section: admin
Priority: optional
Description: $(sed -n 's/^description = "\(.*\)"/\1/p' Cargo.toml)
EOF
    dpkg-deb --root-owner-group --build "$work/deb" "$dist/deployer_${version}_$arch.deb" >/dev/null
}

# Exit status 0 if the binary asks for no more than its file's name says.
is_modest() {
    case $1 in
    *-musl) ! readelf --program-headers "$binary" | grep -q INTERP ;;
    *) readelf --version-info "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1 | grep -qx GLIBC_2.17 ;;
    esac
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
runs=
for triple in "$@"; do
    if ! rustup target add "$triple"; then
        say "NOT BUILT: $triple, since its standard library could not be fetched"
        continue
    fi
    case $triple in
    x86_64-*-musl | aarch64-*-musl) tag=musllinux_1_2 ;;
    x86_64-*-gnu | aarch64-*-gnu) tag=manylinux_2_17 ;;
    *) say "not a target of a release: $triple"; exit 2 ;;
    esac
    maturin build --release --locked --bindings bin --zig --target "$triple" --compatibility "$tag" --out "$dist"
    binary=$target/$triple/release/deployer
    is_modest "$triple" || { say "the binary for $triple asks for more than it may"; exit 1; }
    # Pages and completions are the same for all, and printed by the first that runs here.
    [ -n "$runs" ] || ! "$binary" --version >/dev/null 2>&1 || runs=$triple
    [ -n "$runs" ] || { say "name a target first that runs here: $own-musl"; exit 1; }
    case $triple in *-musl) make_tar "$triple" ;; *) make_deb "$triple" ;; esac
done
wheel=$(find "$dist" -name '*.whl' | head -n 1)
[ -n "$wheel" ] || { say "nothing was built"; exit 1; }
/usr/bin/python3 - "$wheel" > "$dist/deployer-$version.cdx.json" <<'EOF'
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
sys.stdout.write(wheel.read(next(name for name in wheel.namelist() if "/sboms/" in name)).decode())
EOF
(cd "$dist" && sha256sum -- * > SHA256SUMS)
say "macOS is not built here: only its own machines can"

if [ "$(id -u)" -ne 0 ] || [ "${TRY:-}" = no ]; then
    say "NOT TRIED on a fresh Debian"
    exit
fi
examples/prepare.sh debootstrap debian-archive-keyring
fresh=$work/fresh
debootstrap --variant=minbase bookworm "$fresh" >/dev/null
cp -R examples "$dist" "$fresh/mnt"
cp /etc/resolv.conf "$fresh/etc"
# A machine behind a proxy has certificates of its own.
cp /etc/ssl/certs/ca-certificates.crt "$fresh/mnt"
for file in "$dist"/*-manylinux*"_$(uname -m).whl" "$dist/deployer-$version-$own-musl.tar.gz" \
    "$dist/deployer_${version}_$(dpkg --print-architecture).deb"; do
    [ -e "$file" ] || continue
    cp -a "$fresh" "$work/tree"
    # Its own processes, which end with it.
    # shellcheck disable=SC2016 # the inner shell expands it
    unshare --mount --pid --fork --kill-child sh -euc 'mount -t proc proc "$1/proc"
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin HOME=/root LANG=C.UTF-8 PIP_CERT=/mnt/ca-certificates.crt \
            chroot "$1" /mnt/examples/try-release.sh "/mnt/dist/${2##*/}"' sh "$work/tree" "$file"
    rm -rf "$work/tree"
done
say "done: $dist"
