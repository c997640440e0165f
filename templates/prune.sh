# shellcheck shell=sh
# What only `prune` needs, and a deploy that tidies up: functions, added to those of the session and of the steps.
# shellcheck disable=SC2154 # home is set by both

# measure: tells each thing that a prune may concern, with its size in kB.
measure() {
  for path in "$home"/virtualenvs/* "$home"/requirements.* "$home"/look*; do
    if [ ! -d "$path" ] || [ -L "$path" ]; then continue; fi
    case $path in
      "$home"/requirements.* | "$home"/look*) kind=leftover ;;
      *) if [ -e "$path/.complete" ]; then kind=virtualenv; else kind=unfinished; fi ;;
    esac
    size=$(du -skx "$path" 2>/dev/null | cut -f 1)
    say found "$kind" "${size:-0}" "${path##*/}"
  done
}

# remove <path below .deployer>…: a virtualenv first stops counting as complete, so that a half removed one is never used.
remove() {
  for path; do
    case /$path/ in
      /virtualenvs/*/*/ | */../* | *//*) return 71 ;;
      /virtualenvs/*/ | /requirements.*/ | /look*/) ;;
      *) return 71 ;;
    esac
    for color in blue green; do
      [ "$(readlink "$DEPLOYER_ROOT/$color/env")" != "$home/$path" ] || { echo "$color uses $path"; return 72; }
    done
    rm -f "$home/$path/.complete" && { sync "$home/$path" 2>/dev/null || sync; } && rm -rf "${home:?}/$path" || return
  done
}

# tidy <path below .deployer>…: the same, where it is no matter if it fails.
tidy() { remove "$@" || note "could not remove all of it"; }

# pack <color> [reference…]: forgets old releases, and the objects that only they need.
pack() {
  repo=$DEPLOYER_ROOT/$1/repo
  shift
  mend "$repo/.git" || return
  for reference; do
    git -C "$repo" update-ref -d "$reference" || return
  done
  git -C "$repo" reflog expire --expire=now --all || return
  # The new pack is written beside what it replaces.
  # shellcheck disable=SC2046 # numbers
  set -- $(stat -f -c '%a %S' "$repo") $(du -sk "$repo/.git/objects")
  if [ $(($1 * $2 / 1024)) -gt $(($3 + 1024)) ]; then
    # One thread: a small server has other work to do.
    git -C "$repo" -c pack.threads=1 gc --quiet --prune=now || return
  else
    git -C "$repo" prune --expire=now || return
    note "too little room to pack it anew"
  fi
  reserve
}
