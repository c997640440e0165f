# shellcheck shell=sh
# The site of an environment in nginx's configuration, for `setup` alone.
#
#   look <nonce> <file> <link> <certificate's folder>
#   put  <nonce> <file> <link> <content, with \036 for each line feed> <number of the test's words> <its words> <words of the reload>
#
# `put` writes the file, links it, and has nginx test its whole configuration; where it refuses, or the reload fails,
# everything is as it was before: a file that nginx refuses would keep every other site from being reloaded.
set -u

say() { printf '%s %s\n' "$nonce" "$*"; }

look() {
  if [ -e "$file" ] || [ -L "$file" ]; then
    say exists
    [ ! -r "$file" ] || while IFS= read -r line || [ -n "$line" ]; do say "line $line"; done <"$file"
  fi
  if [ -n "$link" ]; then
    [ ! -e "$link" ] || [ "$(readlink -f "$link")" != "$(readlink -f "$file")" ] || say linked
    [ -e "$link" ] || [ ! -L "$link" ] || say dangling
    [ ! -d "${link%/*}" ] || [ ! -w "${link%/*}" ] || [ ! -d "${file%/*}" ] || [ ! -w "${file%/*}" ] || say writable
  else
    say linked
    [ ! -d "${file%/*}" ] || [ ! -w "${file%/*}" ] || say writable
  fi
  [ ! -s /proc/net/if_inet6 ] || say ipv6
  # The folder above is root's alone, so that others may not even know.
  if [ -e "$1/fullchain.pem" ]; then say certificate
  elif [ -d "${1%/*}" ] && [ ! -x "${1%/*}" ]; then say secret; fi
  say end
}

# Everything as it was before.
undo() {
  if [ -e "$old" ]; then mv -f "$old" "$file"; else rm -f "$file"; fi
  [ -z "$made" ] || rm -f "$link"
}

put() {
  content=$1
  shift
  # The client may go; what was begun is ended all the same.
  trap '' HUP PIPE INT TERM
  folder=${file%/*} name=${file##*/}
  # A name that begins with a dot: nginx reads whole folders, but not those.
  new=$folder/.$name.new old=$folder/.$name.old made=
  rm -f "$new" "$old"
  (umask 022 && printf '%s' "$content" | tr '\036' '\n' >"$new") || { rm -f "$new"; say failed write; return 1; }
  if [ -e "$file" ] && ! cp -p "$file" "$old"; then rm -f "$new" "$old"; say failed write; return 1; fi
  mv -f "$new" "$file" || { rm -f "$new" "$old"; say failed write; return 1; }
  if [ -n "$link" ] && [ ! -L "$link" ] && [ ! -e "$link" ]; then
    made=yes
    ln -s "$file" "$link" || { undo; say failed link; return 1; }
  fi
  if ! first "$@"; then undo; say failed test; return 1; fi
  if ! second "$@"; then
    undo
    # What was begun with the new file ends with the old one.
    second "$@" >/dev/null 2>&1
    say failed reload
    return 1
  fi
  rm -f "$old"
  say put
}

# Runs as many words as the first one says, or those after them. Counted, since a command may hold any word, `--` too.
first() {
  total=$# left=$1
  shift
  for word; do
    [ "$left" -le 0 ] || set -- "$@" "$word"
    left=$((left - 1))
  done
  shift $((total - 1))
  "$@" 2>&1
}
second() {
  shift "$(($1 + 1))"
  "$@" 2>&1
}

main() {
  verb=$1 nonce=$2 file=$3 link=$4
  shift 4
  "$verb" "$@"
}

main "$@" </dev/null
