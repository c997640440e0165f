#!/bin/sh
# image.sh <file>: makes the disk of a complete Debian host with systemd, nginx and sshd, as an ext4 file system in a file.
# Made once and kept; needs root, debootstrap and this machine's own package mirror. Nothing of it may be published.
set -eu

image=$1
# shellcheck source=/dev/null
. /etc/os-release
stamp="$(cksum < "$0") $VERSION_CODENAME"
if [ -s "$image" ] && [ "$(cat "$image.made-of" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
[ "$(id -u)" -eq 0 ] || { echo "a Debian host cannot be made: not root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "a Debian host cannot be made: no debootstrap" >&2; exit 1; }

# The same release as this machine's, so that its mirror has it and the wheels fit its Python.
# shellcheck disable=SC2016 # apt's own variable
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' "Codename: $VERSION_CODENAME" | head -n 1)
[ -n "$mirror" ] || { echo "a Debian host cannot be made: no mirror of $VERSION_CODENAME in apt's sources" >&2; exit 1; }

mkdir -p "$(dirname "$image")"
work=$(mktemp -d "$image.XXXXXX")
trap 'rm -rf "$work"' EXIT
tree=$work/tree
log=$image.log
echo "making a Debian host's disk, once: about two minutes" >&2
debootstrap --variant=minbase \
    --include=cron,systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,polkitd,openssh-server,nginx,python3,python3-venv,git,sudo,iproute2,procps \
    "$VERSION_CODENAME" "$tree" "$mirror" >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }

# Nothing of this machine's network: the host has none but what a test gives it.
: > "$tree/etc/resolv.conf"
rm -rf "$tree/var/cache/apt" "$tree/var/lib/apt/lists" "$tree/usr/share/doc" "$tree/usr/share/man" "$tree/usr/share/locale"
mkdir -p "$tree/var/cache/apt" "$tree/var/lib/apt/lists"
rm -f "$tree/etc/nginx/sites-enabled/default"
echo debian > "$tree/etc/hostname"
printf '127.0.0.1 localhost debian\n' > "$tree/etc/hosts"
systemd-machine-id-setup --root="$tree" >>"$log" 2>&1
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer getty.target; do
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done

# The person who deploys: no right but to test nginx's configuration and to reload it.
chroot "$tree" useradd --create-home --shell /bin/bash deploy
chmod 750 "$tree/home/deploy"
echo 'deploy ALL=(root) NOPASSWD: /usr/sbin/nginx -t, /usr/sbin/nginx -s reload' > "$tree/etc/sudoers.d/deploy"
chmod 440 "$tree/etc/sudoers.d/deploy"
install -d -m 700 "$tree/root/.ssh"
install -d -m 700 -o "$(chroot "$tree" id -u deploy)" -g "$(chroot "$tree" id -g deploy)" "$tree/home/deploy/.ssh"

truncate -s 3G "$work/disk"
mkfs.ext4 -q -F -d "$tree" "$work/disk" >>"$log" 2>&1
mv "$work/disk" "$image"
printf '%s\n' "$stamp" > "$image.made-of"
