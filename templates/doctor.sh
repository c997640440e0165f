# shellcheck shell=sh
# Reads what a host has and lacks, for `doctor` alone. Changes nothing; a virtualenv is tried in a folder that it removes.
#
# Arguments: a nonce that begins each line of the answer, the root, the interpreter, whether to try a virtualenv (`venv`;
# `auto`: where there is no uv), nginx's configuration file, its program, the folder of the site's certificate; then the command
# that tests nginx, after the number of its words, and the one that reloads it.
# It runs wherever there is a POSIX sh: what else is missing is what it is to find out.
set -u

# In a function, so that no command reads the rest of the script, which arrives on standard input.
main() {
  nonce=$1 root=$2 python=$3 try=$4 conf=$5 nginx=$6 certificate=$7 count=$8
  shift 8

  say() { printf '%s %s\n' "$nonce" "$*"; }
  # The last line that is not empty, and no other.
  last() { sed '/^[[:space:]]*$/d' "$1" | tail -n 1; }
  has() { command -v "$1" >/dev/null 2>&1; }

  scratch=$(mktemp -d 2>/dev/null) || scratch=
  trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT
  out=${scratch:+$scratch/out}
  out=${out:-/dev/null}
  [ -n "$scratch" ] || say scratch "${TMPDIR:-/tmp}"

  say user "$(id -un 2>/dev/null)"
  say home "${HOME:-}"
  say clock "$(date +%s)"
  say locale "${LC_ALL:-${LC_CTYPE:-${LANG:-}}}"
  say system "$(uname -s)"
  say init "$(cat /proc/1/comm 2>/dev/null)"
  for tool in setsid git sudo "$python"; do
    path=$(command -v "$tool" 2>/dev/null) && say tool "$tool" "$path"
  done
  # Its installers put it where only a login looks; a deploy looks there too.
  uv=$(PATH=$PATH:${HOME:-}/.local/bin:${HOME:-}/.cargo/bin command -v uv 2>/dev/null) && say tool uv "$uv"
  has git && say git "$(git --version 2>/dev/null)"

  if has "$python"; then
    # The script is Python's, not a line of this shell's.
    "$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' >"$out" 2>&1
    say python "$(last "$out")"
    { [ "$try" != auto ] || [ -n "$uv" ]; } || try=venv
    if [ "$try" = venv ] && [ -n "$scratch" ]; then
      "$python" -m venv "$scratch/venv" >"$out" 2>&1 && "$scratch/venv/bin/python" -c 'import pip' >>"$out" 2>&1
      say venv "$? $(last "$out")"
    fi
  fi

  # The root, or the nearest folder above it, and every folder on the way there.
  at=$root
  while [ ! -d "$at" ] && [ "$at" != / ]; do at=$(dirname "$at"); done
  [ "$at" != "$root" ] || say root yes
  [ ! -w "$at" ] || [ ! -x "$at" ] || say writable yes
  say space "$(df -Pk "$at" 2>/dev/null | tail -n 1)"
  say inodes "$(df -Pi "$at" 2>/dev/null | tail -n 1)"
  while :; do
    say folder "$(stat -c '%a %U %G %n' "$at" 2>/dev/null)"
    [ "$at" != / ] || break
    at=$(dirname "$at")
  done

  # Every socket that listens: address and port in hexadecimal, and whose it is.
  for table in /proc/net/tcp /proc/net/tcp6; do
    [ -r "$table" ] || continue
    sed -n 's/^ *[0-9]*: *\([0-9A-F]*:[0-9A-F]*\) [0-9A-F]*:[0-9A-F]* 0A [^ ]* [^ ]* [^ ]* *\([0-9]*\) .*/\1 \2/p' "$table" |
      while read -r line; do say listen "$line"; done
  done

  # nginx: the program, its processes, its configuration as far as it may be read.
  [ ! -x "$nginx" ] || say nginx "$nginx"
  # -q, since otherwise its status is 2 where a process ended meanwhile, whatever was found.
  grep -sqz '^nginx: master' /proc/[0-9]*/cmdline && say running yes
  worker=$(grep -slz '^nginx: worker' /proc/[0-9]*/cmdline 2>/dev/null | head -n 1)
  account=
  [ -z "$worker" ] || account=$(stat -c %U "${worker%/cmdline}" 2>/dev/null)
  [ -n "$account" ] || account=$(sed -n 's/^[[:space:]]*user[[:space:]][[:space:]]*\([^; ]*\).*/\1/p' "$conf" 2>/dev/null | head -n 1)
  [ -n "$account" ] || account=www-data
  say account "$account $(id -Gn "$account" 2>/dev/null)"
  [ ! -r "$conf" ] || say conf "$conf"
  # The folder above it is root's alone, so that others may not even know.
  if [ -e "$certificate/fullchain.pem" ]; then say certificate yes
  elif [ ! -d "${certificate%/*}" ] || [ -x "${certificate%/*}" ]; then say certificate no; fi
  # Followed as nginx follows them: a site is a link in sites-enabled.
  grep -RsnF -- "$root/" "$(dirname "$conf")" 2>/dev/null | head -n 40 | while read -r line; do say site "$line"; done

  # Runs the first so many of the words that follow.
  first() {
    keep=$1
    shift
    total=$# number=0
    for word; do
      [ "$number" -ge "$keep" ] || set -- "$@" "$word"
      number=$((number + 1))
    done
    shift "$total"
    "$@"
  }
  first "$count" "$@" >"$out" 2>&1
  status=$?
  say test "$status"
  grep -v '^[[:space:]]*$' "$out" | tail -n 12 | while IFS= read -r line; do say tested "$line"; done
  shift "$count"

  # A reload cannot be tried; whether sudo would allow it can be asked.
  if [ "$1" = sudo ] || [ "${1##*/}" = sudo ]; then
    if has "$1"; then
      sudo=$1
      shift
      while case ${1:-} in -*) true ;; *) false ;; esac; do shift; done
      "$sudo" -n -l "$@" >"$out" 2>&1
      say reload "$?"
      "$sudo" -n -l 2>/dev/null | grep NOPASSWD | while IFS= read -r line; do say sudoers "$line"; done
    else
      say reload 127
    fi
  elif has "$1"; then
    say reload plain
  else
    say reload 127
  fi
  say end
}

main "$@" </dev/null
