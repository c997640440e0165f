#!/bin/sh
# boot: starts what each slot holds, and of [processes] what live does. For a host without systemd, in the crontab of the user who deploys:
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
live=$(readlink -f "$root/live") || exit 0
for file in "$live"/etc/run/*; do
  name=${file##*/}
  # What the release does not run it may have from an older one.
  grep -q "\"$name\":{" "$live/etc/processes.json" 2>/dev/null || continue
  # A person may have called this, where it runs already.
  pid=$(cut -d ' ' -f 1 "$live/etc/pids/$name" 2>/dev/null)
  ! tr '\0' '\n' 2>/dev/null <"/proc/${pid:-none}/environ" | grep -qx "DEPLOYER_PROCESS=$name" || continue
  setsid sh "$home/launch" "$root" "${live##*/}" "$name" </dev/null >>"$live/log/$name.log" 2>&1 &
done
