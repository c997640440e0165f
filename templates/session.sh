# shellcheck shell=sh
# One long-lived shell on the host, for as long as the client's session lives.
#
# It takes the environment's lock, reads the state, then runs the steps that arrive as lines on its input. What it says to
# the client goes to descriptor 4, each line led by the session's nonce, so that nothing a tool prints can pass for it;
# what tools print goes to standard error. Descriptor 3 is the client's input, 9 the lock.
#
# arguments: nonce, root, interpreter, facts (JSON), lock (none|take|break), seconds to wait for it, holder (JSON),
# whether it must go on where the disk is full (room|-)
# variables, set by the client in front of this text: deployer_host, deployer_main (of host/*.py: what reads the state)
# shellcheck disable=SC2154 # both come in front of this text
export DEPLOYER_NONCE="$1" DEPLOYER_ROOT="$2" DEPLOYER_PYTHON="$3" DEPLOYER_FACTS="$4" DEPLOYER_HOST="$deployer_host$deployer_main"
home=$2/.deployer lock=$5 patience=$6 holder=$7 room=$8
# What nobody else may write or hold is not left to the user's own mask.
umask 022
# The locale may be C, and sbin not on the PATH. Nothing of the user's shell may steer git.
export LC_ALL=C.UTF-8 PYTHONUTF8=1 PATH="${PATH:-/usr/bin:/bin}:/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin"
unset CDPATH GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
exec 3<&0 4>&1 </dev/null >&2

say() { printf '%s %s\n' "$DEPLOYER_NONCE" "$*" >&4; }

# What it says to a client that is gone fails, and must not end it: it still has a step to finish and files to clear.
trap : PIPE
say hello "$$"

# put <path> <mode> <content>: replaces a file whole. A builtin writes it: its content is in no process's arguments.
put() {
  [ -d "${1%/*}" ] || mkdir -p "${1%/*}"
  umask 077
  printf '%s' "$3" >"$1.new"
  set -- "$1" "$2" "$?"
  umask 022
  if [ "$3" -eq 0 ]; then
    chmod "$2" "$1.new" && mv -f "$1.new" "$1"
    return
  fi
  # The builtin says "I/O error" of a full disk; this says what it is.
  cp /proc/self/status "$1.new"
  rm -f "$1.new"
  return 1
}

# keep <path> <mode> <content>: replaces a file that live starts by too; whole on the disk before it takes the old one's place.
keep() {
  ! printf '%s' "$3" | cmp -s - "$1" || return 0
  put "$1.next" "$2" "$3" && { sync "$1.next" 2>/dev/null || sync; } && mv -f "$1.next" "$1"
}

# unwritable: ends the session; head tells why, where the shell's own words do not.
unwritable() { say unwritable; head -c 65536 /dev/zero >"$home/room"; rm -f "$home/room"; exit 12; }

interpreter=$(command -v "$DEPLOYER_PYTHON") || {
  say missing "$DEPLOYER_PYTHON"
  interpreter=$(command -v python3) || exit 11
}
DEPLOYER_PYTHON=$interpreter

# host <verb> [argument…]: what the shell cannot do by itself.
host() { verb=$1; shift; "$DEPLOYER_PYTHON" -ISBc "$DEPLOYER_HOST" "$verb" "$DEPLOYER_FACTS" "$@" 3<&-; }

# started <process>: when it began, in ticks since boot: with its number, this names a process for good.
started() {
  { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return
  # shellcheck disable=SC2086 # numbers
  set -- ${stat##*) }
  printf '%s\n' "${20}"
}

# beat: the client lives. Who wants the lock looks at this file's age.
beat() { : >"$home/beat"; }

# write_down <begin|end> <number> [what it touches] [step]: a line of the journal. A power loss tears no line off that is on the disk.
write_down() {
  printf '%s\n' "$*" >>"$home/journal"
  # Nobody waits for it: a disk may take its time.
  [ "$1" = end ] || sync "$home/holder" "$home/journal" "$home" 2>/dev/null 3<&- 4>&- 9>&- &
}

# is_short: whether next to nothing is free below the root.
is_short() {
  # shellcheck disable=SC2046 # numbers: blocks, their size, inodes free and altogether
  set -- $(stat -f -c '%a %S %d %c' "$home" 2>/dev/null 9>&-)
  [ $# -eq 4 ] && { [ $(($1 * $2)) -lt 4194304 ] || { [ "$4" -gt 0 ] && [ "$3" -lt 32 ]; }; }
}

if [ "$lock" != none ]; then
  [ -d "$home" ] || mkdir -p "$home" || unwritable
  command -v flock >/dev/null || { say missing flock; exit 11; }
  # Tried first: a shell ends at once where the redirection of an exec fails. Whoever could read it could hold it.
  umask 077
  true >>"$home/lock" || unwritable
  exec 9>>"$home/lock"
  umask 022
  chmod 600 "$home/lock" 2>/dev/null
  if ! flock -n 9; then
    host held 9>&-
    # A holder whose client has fallen silent is ended, unless it is in a step that must finish and will.
    until host takeover "$lock" 9>&- && flock -w 20 9; do
      [ "$patience" -gt 0 ] || { say denied; exit 13; }
      slice=10
      [ "$patience" -ge 10 ] || slice=$patience
      patience=$((patience - slice))
      ! flock -w "$slice" 9 || break
    done
  fi
  # Whoever held the lock before and left this behind was cut off; the first step says how far it came.
  if [ -s "$home/holder" ] && [ -s "$home/journal" ]; then
    mv -f "$home/holder" "$home/interrupted"
    mv -f "$home/journal" "$home/interrupted.journal"
  fi
  rm -f "$home"/upload.* "$home/child" "$home/journal" "$home/step" "$home/beat"
  # What makes room, or takes a bad release away, must be able to where the disk is full.
  if [ "$room" = room ] && [ -d "$home/reserve" ] && is_short; then
    rm -rf "$home/reserve" && say note '"the disk is full: gave up the room that was kept in reserve"'
  fi
  if ! { put "$home/holder" 644 "$holder" && put "$home/session" 644 "$$ $(started $$)" && beat; }; then
    [ "$room" = room ] || unwritable
  fi
  say acquired
fi

# observe: the host's whole state, as one line.
observe() { host observe 9>&-; }

observe || exit 14

# begin <number> <what it touches> <step>: says and writes down what is begun. None begins for a client that is known to be gone.
begin() { say begin "$1" && write_down begin "$@"; }

# end <number> <status>: the same of its end.
end() { write_down end "$@"; say end "$@"; return "$2"; }

# step <number> <guarded|critical> <function> [argument…]: runs a step that has begun in a session of its own.
# A guarded one ends when the client does or asks for it; a critical one finishes whatever becomes of the client.
step() {
  number=$1 kind=$2
  shift 2
  # shellcheck disable=SC2154
  setsid sh -c "$deployer_steps" deployer "$@" 3<&- &
  child=$!
  printf '%s %s %s\n' "$child" "$(started "$child")" "$kind" >"$home/child"
  watcher=
  if [ "$kind" = guarded ]; then
    (
      # The watcher of the step before may have been ended in the middle of a word, whose rest is read here.
      while IFS= read -r word; do
        case $word in stop | top | op | p) break ;; esac
        beat
      done
      kill -TERM "-$child"; sleep 5; kill -KILL "-$child"
    ) <&3 >/dev/null 2>&1 4>&- 9>&- &
    watcher=$!
  fi
  wait "$child"
  result=$?
  if [ -n "$watcher" ]; then
    kill -KILL "$watcher" 2>/dev/null
    wait "$watcher" 2>/dev/null
  fi
  rm -f "$home/child"
  end "$number" "$result"
}

# record <path> <content>: put, and on the disk whole or not at all.
record() { put "$1" 644 "$2" && { sync "$1" "${1%/*}" 2>/dev/null || sync; }; }

# take <file> <bytes>: takes exactly so many bytes of the client's input into a file.
take() {
  (umask 077 && head -c "$2" <&3 >"$1" 9>&-) || return
  [ "$(wc -c <"$1")" -eq "$2" ]
}

# scripts <bytes>: takes in what the steps need. A single command of SSH would not hold it beside what reads the state.
# It sets deployer_steps (steps.sh) and deployer_more (the rest of host/*.py).
scripts() {
  text=$(head -c "$1" <&3 9>&- | gzip -dc 9>&-) && [ -n "$text" ] && eval "$text" || return
  DEPLOYER_HOST=$deployer_host$deployer_more$deployer_main
}

# further <script>: more functions, for this shell and for the steps: those that only one command needs.
further() { eval "$1"; deployer_steps=$1$newline$deployer_steps; }

# flush: lets the client know that it has read all that a step's tools printed.
flush() { printf '%s flush\n' "$DEPLOYER_NONCE" >&2; }

# finish: the command is complete; nothing of it is left to be told to the next one.
finish() { rm -f "$home"/interrupted*; release; }

# release: nothing was done, and so nothing is left to be told. The lock goes too: a client that falls silent after its
# last step would hold it, by a holder that nobody could name and end.
# Without the lock, they are somebody else's.
release() {
  { [ "$lock" = none ] || rm -f "$home/holder" "$home/journal" "$home/session"; } && over=1
  # Nor after a power loss.
  sync "$home" 2>/dev/null
  exec 9>&-
}

# A line feed inside an argument of a line.
# shellcheck disable=SC2034 # used by the lines that arrive
newline='
'
over=
# Nothing comes after a release; a client that fell silent would be waited for in vain.
while [ -z "$over" ] && IFS= read -r line <&3; do
  case $line in
    'scripts '*) scripts "${line#scripts }" || exit 14 ;;
    'run '*) eval "${line#run }"; say idle "$?" ;;
    beat) beat ;;
  esac
done
