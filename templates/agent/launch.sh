#!/bin/sh
# launch <root> <color> <process>      becomes this process of a slot: web, or a name of [processes]
# launch <root> <color> - <word>...    becomes this command instead, with the same variables and in the same folder
#
# Written by deployer. Whoever starts a process of a slot starts it by this: a deploy, systemd, cron after a boot.
set -u
# launch -bound <pid>: for as long as that process lives, cuts off the oldest half of its log when that has grown to 64 MiB. In
# place, so that nobody need open the file anew, and nothing is lost of what is being written to its end. Where the file system
# cannot take it away, it gives its room back.
if [ "$1" = -bound ]; then
  born() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20; }
  begun=$(born "$2") log=$(readlink "/proc/$2/fd/1")
  while sleep 60 && [ "$(born "$2")" = "${begun:-gone}" ]; do
    [ "$(stat -c %b "$log")" -le 131072 ] || fallocate -c -o 0 -l 33554432 "$log" ||
      fallocate -p -o 0 -l "$(($(stat -c %s "$log") - 33554432))" "$log"
  done 2>/dev/null
  exit 0
fi
# As under systemd, whoever's session it is started from: nginx's user reads what it uploads.
umask 022
root=$1 color=$2 process=$3
shift 3
slot=$root/$color
# for systemd: what ended once is back at once; what ends again and again within a minute must not take the whole processor.
# In the process's place, for the launcher of an older deployer would else become the process.
if [ "$process" = -pace ]; then
  stamp=$slot/etc/$1.started
  young=$(find "$stamp" -mmin -1 2>/dev/null)
  : >"$stamp"
  [ -n "$young" ] || exit 0
  scope=--user
  [ "$(id -u)" -ne 0 ] || scope=--system
  again=$(systemctl "$scope" show --property=NRestarts --value "$2") && [ "$again" -gt 1 ] && sleep 2
  exit 0
fi
case ${1-} in
  # for systemd, of [processes]: at boot or after a crash only what is live's starts, or what a switch is about to move
  live) [ "$(readlink -f "$root/live")" = "$(readlink -f "$slot")" ] || [ -e "$2" ] || exit 178 ;;
  # for systemd: tells the process to end, and waits until it has; a shell before it does not pass it on, nor wait
  end)
    [ -n "${MAINPID-}" ] || exit 0
    told=$MAINPID
    ! tr '\0' ' ' <"/proc/$MAINPID/cmdline" | grep -q '^sh -c ' ||
      told="$told $(cat "/proc/$MAINPID/task/$MAINPID/children")"
    # shellcheck disable=SC2086 # numbers
    kill -TERM $told
    for pid in $told; do
      while kill -0 "$pid"; do sleep 0.1; done
    done 2>/dev/null
    exit 0
    ;;
esac
# What a session of the deployer's sets for itself is not the application's.
unset LC_ALL DEPLOYER_NONCE DEPLOYER_ROOT DEPLOYER_PYTHON DEPLOYER_FACTS DEPLOYER_HOST
# The virtualenv is shared with live: bytecode is written when it is built, and never torn later by a full disk.
export LANG=C.UTF-8 PYTHONUTF8=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 BLUEGREEN="$color"
# shellcheck source=/dev/null
. "$slot/etc/env"
# By the last two the deployer knows what was started here, and all that descends from it.
export PATH="$slot/env/bin:$PATH" DEPLOYER_SLOT="$slot" DEPLOYER_PROCESS="$process"
# note_down: its number, and its start, by which the number is known to be still its own.
note_down() {
  mkdir -p "$slot/etc/pids" &&
    printf '%s %s\n' "$$" "$(sed 's/.*) //' "/proc/$$/stat" | cut -d ' ' -f 20)" >"$slot/etc/pids/$process"
}
words=$process
[ "$process" != - ] || words=web
# It names the folder, and says what this is to become.
directory=.
# shellcheck source=/dev/null
. "$slot/etc/run/$words"
cd "$slot/repo/$directory" || exit
[ "$process" != - ] || exec "$@"
# It has none of the process's variables, by which the deployer would take it for one of the slot's.
case $(readlink "/proc/$$/fd/1") in
  */log/*.log) (cd / && env -i PATH=/usr/bin:/bin setsid sh "$0" -bound "$$" </dev/null >/dev/null 2>&1 &) ;;
esac
become
