#!/bin/sh
# boot: starts what each slot holds. For a host without systemd, in the crontab of the user who deploys:
#     @reboot sh <root>/.deployer/boot
#
# Written by deployer.
set -u
home=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit
root=${home%/.deployer}
for color in blue green; do
  slot=$root/$color
  # A slot without it holds nothing that was proven.
  [ -s "$slot/etc/release.json" ] || continue
  # The number of a process from before the boot may be another's by now, and gunicorn would not start.
  rm -f "$slot/etc/app.pid"
  log=web
  ! grep -q -e '-m gunicorn' "$slot/etc/run/web" || log=gunicorn
  setsid sh "$home/launch" "$root" "$color" web </dev/null >>"$slot/log/$log.log" 2>&1 &
done
