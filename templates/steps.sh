# shellcheck shell=sh
# The steps that change the host, one function each; the last line calls the one that is asked for.
#
# They run under the environment's lock. Descriptor 4 speaks to the client: what may outlive a step must close it. Values
# arrive as arguments only.
set -u
# nginx's user reads static files, and this user's own mask may shut it out.
umask 022
root=$DEPLOYER_ROOT
home=$root/.deployer
newline='
'

note() { printf '%s note "%s"\n' "$DEPLOYER_NONCE" "$*" >&4; }
host() { verb=$1; shift; "$DEPLOYER_PYTHON" -ISBc "$DEPLOYER_HOST" "$verb" "$DEPLOYER_FACTS" "$@"; }

# git, which else leaves empty files after a power loss and would not read its repository again.
git() { command git -c core.fsync=all -c core.fsyncMethod=batch "$@" 4>&-; }

# mend <git directory>: before a git is let at it. Under the lease a lock file that no git at work holds is stale, those of
# submodules too; empty files are what a power loss made of those that had not reached the disk.
mend() {
  [ -d "$1" ] || return 0
  found=$(find "$1" -path '*/objects/??' -prune -o -type f \( -name '*.lock' -o -size 0 ! -path '*/logs/*' \
    \( -path '*/refs/*' -o -name HEAD -o -name config -o -name index -o -name packed-refs \) \) -print) || return
  [ -n "$found" ] || return 0
  (
    IFS=$newline
    set -f
    # shellcheck disable=SC2086 # one word a line
    host mend "$1" $found
  )
}

# reserve: room that a full disk leaves to the commands that must work then; the session gives it up for them.
reserve() {
  [ ! -d "$home/reserve" ] || return 0
  # shellcheck disable=SC2046 # numbers
  set -- $(stat -f -c '%a %S' "$home")
  [ $# -eq 2 ] && [ $(($1 * $2)) -gt 16777216 ] || return 0
  # Files, for they may be what is short; noise, for zeros may take no room.
  rm -rf "$home/reserve.new"
  { mkdir "$home/reserve.new" && head -c 4194304 /dev/urandom | split -b 131072 - "$home/reserve.new/" &&
    mv "$home/reserve.new" "$home/reserve"; } || rm -rf "$home/reserve.new"
}

# layout <blue's port> <green's port>: the folders, the key for probes (which waits in key.new), and snippets that say of
# a slot that it holds nothing, wherever one of these is missing.
layout() {
  mkdir -p "$home/virtualenvs" || return
  if [ -s "$home/key" ]; then rm -f "$home/key.new"; else mv "$home/key.new" "$home/key" || return; fi
  key=$(cat "$home/key") || return
  for color in blue green; do
    mkdir -p "$root/$color/etc" "$root/$color/log" "$root/$color/repo" || return
    snippet=$root/$color/etc/nginx.conf
    port=$1
    [ "$color" = blue ] || port=$2
    if [ ! -s "$snippet" ]; then
      # nginx refuses its whole configuration, other sites included, where an included file is missing. The port stays the
      # slot's own: whoever looks at next sees its first release without a reload.
      # shellcheck disable=SC2016 # the first variable is nginx's
      printf 'if ($http_x_deployer_probe = "%s") { return 200 "deployer %s none"; }\nproxy_pass http://127.0.0.1:%s;\n' \
        "$key" "$color" "$port" >"$snippet.new" && mv "$snippet.new" "$snippet" || return
    fi
    [ -s "$root/$color/etc/served" ] || printf 'deployer %s none\n' "$color" >"$root/$color/etc/served" || return
    mend "$root/$color/repo/.git" || return
    [ -s "$root/$color/repo/.git/HEAD" ] && [ -s "$root/$color/repo/.git/config" ] ||
      git -c init.defaultBranch=main init -q "$root/$color/repo" || return
  done
  # For a site that includes them; later only a cutover changes them.
  [ -s "$home/nginx-live.conf" ] || host roles || return
  sync -f "$root" 2>/dev/null || sync
}

# link <name> <color>: one rename, so that no reader ever finds the link missing.
link() {
  rm -f "$root/.$1.new" && ln -s "$root/$2" "$root/.$1.new" && mv -T "$root/.$1.new" "$root/$1"
}

# module <git directory>: a submodule's repository, if there is none: made bare, or git would want a work tree; not bare, or
# its first checkout fails.
module() {
  [ "$(git --git-dir="$1" config core.bare 2>/dev/null)" = false ] ||
    { mkdir -p "$1" && git init -q --bare "$1" && git --git-dir="$1" config core.bare false; }
}

# seed <git directory> <the other slot's> <bundle or -> <commit>: takes in the objects and names the commit, so that git
# keeps it. What the bundle builds upon, or the commit itself, may be in the other slot's repository only.
seed() {
  git=$1 other=$2 bundle=$3 commit=$4
  mend "$git" && module "$git" || return
  result=0
  if [ "$bundle" = - ]; then
    git --git-dir="$git" cat-file -e "$commit^{commit}" 2>/dev/null || lend "$other" "$git" || result=23
  else
    git --git-dir="$git" bundle verify "$bundle" >/dev/null 2>&1 || lend "$other" "$git" || result=23
    [ "$result" -ne 0 ] || git --git-dir="$git" -c gc.auto=0 -c fetch.unpackLimit=100 fetch -q --no-tags \
      --no-recurse-submodules "$bundle" "+refs/deployer/seed:refs/deployer/seed" || result=$?
    rm -f "$bundle"
  fi
  [ "$result" -eq 0 ] || return "$result"
  git --git-dir="$git" cat-file -e "$commit^{commit}" &&
    git --git-dir="$git" update-ref refs/deployer/seed "$commit" &&
    git --git-dir="$git" update-ref "refs/deployer/releases/$commit" "$commit" &&
    returned "$git" || return
  # A submodule's work tree that outlived its repository is of some commit, or git would not check it out.
  case $git in
    */modules/*) git --git-dir="$git" rev-parse -q --verify HEAD >/dev/null || git --git-dir="$git" update-ref --no-deref HEAD "$commit" ;;
  esac || return
  # git syncs its files, but not the names that it gives them.
  sync "$git" "$git/refs/deployer" "$git/refs/deployer/releases" "$git/objects/pack" 2>/dev/null || sync
}

# lend <git directory> <git directory>: the second gets a copy of all that the first has, under names that hold it until
# the commit has one. A copy, for either slot may be rebuilt or removed without the other.
lend() {
  [ ! -d "$1" ] || git --git-dir="$2" -c gc.auto=0 fetch -q --no-tags --no-recurse-submodules "$1" "+refs/*:refs/deployer/lent/*"
}

# returned <git directory>: the names that lend gave are gone.
returned() {
  git --git-dir="$1" for-each-ref --format='delete %(refname)' refs/deployer/lent | git --git-dir="$1" update-ref --stdin
}

# virtualenv <key> <color> <commit> <interpreter> <auto|pip|uv> <directory> <requirements or -> <gunicorn, - or none>
#   <files, a line each; empty: build in the work tree> [installer argument…]
virtualenv() {
  key=$1 repo=$root/$2/repo commit=$3 interpreter=$4 installer=$5 directory=$6 requirements=$7 gunicorn=$8 files=$9
  shift 9
  target=$home/virtualenvs/$key
  if [ -e "$target/.complete" ] && "$target/bin/python" -ISc ''; then
    note unchanged
    return 0
  fi
  if [ "$(readlink "$root/live/env")" = "$target" ]; then
    echo "live runs from $target, though its Python does not start: it is left as it is"
    return 53
  fi
  # Half removed, it must not look complete.
  mkdir -p "$home/virtualenvs" && rm -f "$target/.complete" && rm -rf "$target" || return
  uv=
  [ "$installer" = pip ] || uv=$(PATH=$PATH:$HOME/.local/bin:$HOME/.cargo/bin command -v uv)
  [ "$installer" != uv ] || [ -n "$uv" ] || { echo "no uv on the host's PATH"; return 51; }
  if [ -n "$files" ]; then
    extract "$repo" "$commit" "$files" || return
  else
    work=$repo
  fi
  # Where the requirements lie above the application's folder, nothing of it may have come along.
  mkdir -p "$work/$directory" && cd "$work/$directory" || return
  if [ -n "$uv" ]; then
    # By its path: a bare name is a version to uv, which it may have a Python of its own for.
    "$uv" venv -q --no-project --python "$(command -v "$interpreter")" "$target" 4>&- || return
    # uv knows a package of the repository by its path, and would bring an older build of it.
    [ -n "$files" ] || set -- "$@" --refresh
    case $requirements in
      uv.lock | */uv.lock)
        UV_PROJECT_ENVIRONMENT=$target "$uv" sync --project "$(dirname "$requirements")" --frozen --no-dev \
          --compile-bytecode --python "$target/bin/python" "$@" 4>&- || return
        requirements=-
        ;;
    esac
  else
    "$interpreter" -m venv "$target" 4>&- || return
  fi
  case $requirements in
    -) ;;
    *pyproject.toml) set -- "$@" "./$(dirname "$requirements")" ;;
    *) set -- "$@" -r "$requirements" ;;
  esac
  case $gunicorn in - | none) ;; *) set -- "$@" "$gunicorn" ;; esac
  if [ "$requirements/$gunicorn" = -/- ] || [ "$requirements/$gunicorn" = -/none ]; then
    : # Nothing more is asked for.
  elif [ -n "$uv" ]; then
    "$uv" pip install --compile-bytecode --python "$target/bin/python" "$@" 4>&- || return
  else
    "$target/bin/python" -m pip install --disable-pip-version-check --no-input "$@" 4>&- || return
  fi
  # Newer gunicorns share one control socket among all of a user's, which two slots must not.
  [ "$gunicorn" = none ] || "$target/bin/python" -c 'import gunicorn.config as c
print("--no-control-socket" if hasattr(c, "ControlSocketDisable") else "")' >"$target/.gunicorn" 2>/dev/null || return 52
  # On a full disk Python leaves torn bytecode behind, and says nothing.
  head -c 65536 /dev/zero >"$target/.room" || return
  rm -f "$target/.room"
  sync -f "$target" 2>/dev/null
  : >"$target/.complete" || return
  if [ -n "$uv" ]; then note "built with uv"; else note "built with pip"; fi
}

# extract <repository> <commit> <files, a line each>: lays these files of a commit into a new folder, $work, until the step
# ends. `git archive` would leave out what .gitattributes keeps from an export, and what a link leads to.
extract() {
  work=$(mktemp -d "$home/requirements.XXXXXX") || return
  trap 'rm -rf "$work"' EXIT
  printf '%s\n' "$3" | while IFS= read -r file; do
    object=$(printf '%s\n' "$2:$file" | git -C "$1" cat-file --batch-check='%(objectname)' --follow-symlinks) &&
      mkdir -p "$(dirname "$work/$file")" && git -C "$1" cat-file blob "$object" >"$work/$file" || exit
  done
}

# checkout <color> <commit> <directory> [shared folder…]: the work tree becomes the commit's, and nothing else; the folders
# that outlive a release are links in it.
checkout() {
  color=$1 repo=$root/$1/repo commit=$2 directory=$3
  shift 3
  mend "$repo/.git" && cd "$repo" || return
  for folder; do
    adopt "$root/shared/$folder" "$root/live/repo/$directory/$folder" "$repo/$directory/$folder" || return
  done
  # Before git writes anything: the commit may have a file of the same name.
  host keep_databases "$color" "$(git rev-parse -q --verify --short HEAD || echo nothing)" || return
  git -c advice.detachedHead=false -c core.hooksPath=/dev/null checkout -q --force --detach "$commit" || return
  if [ -e .gitmodules ]; then
    said=$(submodules 2>&1) || { borrow "$color" && said=$(submodules 2>&1); } || {
      printf '%s\n' "$said" >&2
      return 64
    }
  fi
  git clean -ffdxq || return
  for folder; do attach "$repo/$directory/$folder" "$root/shared/$folder" || return; done
  sync -f "$repo" 2>/dev/null || sync
}

# submodules: checks them out. They were seeded, so that nothing is to be brought from anywhere.
submodules() {
  git -c core.hooksPath=/dev/null -c protocol.allow=never submodule -q update --init --recursive --force --no-fetch
}

# borrow <color>: takes from the other slot what only its submodules have, for a release that was built there.
borrow() {
  other=green
  [ "$1" != green ] || other=blue
  modules=$root/$other/repo/.git/modules
  [ -d "$modules" ] || return
  find "$modules" -name config -type f | while IFS= read -r file; do
    from=${file%/config}
    to=.git/modules/${from#"$modules"/}
    module "$to" || exit
    git --git-dir="$to" -c gc.auto=0 fetch -q --no-tags --no-recurse-submodules "$from" \
      "+refs/deployer/releases/*:refs/deployer/releases/*" || exit
  done
}

# adopt <shared folder> <the same in a work tree>…: makes it, and takes over what was in the slots before it was shared,
# for git would clean that away. The first that has a file gives it: live, which the public writes to.
adopt() {
  shared=$1
  shift
  mkdir -p "$shared" || return
  for place; do
    if [ -L "$place" ]; then
      [ "$place" != "$repo/$directory/$folder" ] || rm -f "$place" || return
    elif [ -d "$place" ]; then
      # Copies: what still runs there may go on writing to its own.
      (cd "$place" && find . -exec sh -c '
        for path; do
          if [ -d "$path" ] && [ ! -L "$path" ]; then mkdir -p "$0/$path" || exit
          elif [ ! -e "$0/$path" ]; then cp -pP "$path" "$0/$path.new" && mv "$0/$path.new" "$0/$path" || exit
          fi
        done' "$shared" {} +) || return
    fi
  done
}

# attach <path in a work tree> <shared folder>: the link, in place of nothing, or of a folder that the commit only holds open.
attach() {
  if [ -L "$1" ] || [ -f "$1" ] || [ -n "$(find "$1" ! -type d ! -name '.git*' ! -name .keep 2>/dev/null)" ]; then
    echo "the commit has files in ${1#"$repo/"}, which is to be a link to $2"
    return 62
  fi
  rm -rf "$1" && mkdir -p "${1%/*}" && ln -s "$2" "$1"
}

# activate <color> <key, or nothing>: the slot's env is the virtualenv of this key. A virtualenv made otherwise makes way.
activate() {
  env=$root/$1/env
  [ -L "$env" ] || rm -rf "$env" || return
  [ -n "$2" ] || { rm -f "$env"; return; }
  rm -f "$env.new" && ln -s "$home/virtualenvs/$2" "$env.new" && mv -T "$env.new" "$env"
}

# start <color> <log> <auto|systemd|none> <unit>: the slot's web server, proven healthy.
start() {
  color=$1 supervisor=$3 unit=$4 slot=$root/$1
  log=$slot/log/$2
  [ ! -f "$log" ] || [ "$(wc -c <"$log")" -lt 10000000 ] || mv -f "$log" "$log.1"
  # What an application prints may hold what nobody else should read.
  [ -e "$log" ] || (umask 077 && : >>"$log")
  before=$(($(wc -c 2>/dev/null <"$log") + 0))
  master=
  # Whoever stops this step stops what it has not proven.
  if [ "$supervisor" != none ] && master=$(host unit "$color" web "$unit"); then
    trap 'host withdraw "$color"; exit 143' TERM
  elif [ "$supervisor" = systemd ]; then
    return 34
  else
    supervisor=none
    setsid sh "$home/launch" "$root" "$color" web </dev/null >>"$log" 2>&1 4>&- &
    master=$!
    trap 'kill -TERM "$master" 2>/dev/null; exit 143' TERM
  fi
  host prove "$color" "$master"
  result=$?
  if [ "$result" -eq 0 ]; then
    reserve
    # What starts again after a power loss must be on the disk.
    sync -f "$root" 2>/dev/null || sync
    [ "$supervisor" = none ] || host enable "$color" web
    return
  fi
  if [ "$result" -eq 31 ]; then
    if [ "$supervisor" = none ]; then
      wait "$master"
      status=$?
    else
      status=$(host unit_ended "$color" web)
      host withdraw "$color"
    fi
    printf '%s died %s\n' "$DEPLOYER_NONCE" "$status" >&4
    # It may not have come to it, and nothing else can have written one since.
    rm -f "$slot/etc/app.pid"
  else
    host stop "$color" 3 "$master"
  fi
  tail -c "+$((before + 1))" "$log"
  return "$result"
}

# as <color> <word…>: a command with the slot's variables, in the application's folder.
as() {
  color=$1
  shift
  sh "$home/launch" "$root" "$color" - "$@" </dev/null 4>&-
}

# hook <color> <line…>: lines for sh, one after the other, until one fails.
hook() {
  color=$1
  shift
  for line; do
    printf '+ %s\n' "$line"
    as "$color" sh -c "$line" || return
  done
}

# release_hook <color> <line…>: the release command. The migrations that were accepted for it count from here on, for nobody can
# tell how far it comes.
release_hook() {
  [ ! -e "$home/accepted" ] || host accept || return
  hook "$@"
}

# collect <color> <folder> <line>: fills the folder of static files.
collect() {
  hook "$1" "$3" || return
  [ -d "$root/$1/repo/$2" ] || { echo "it left no folder $2"; return 64; }
}

# keep_static <color> <folder> <seconds> <application's folder>: puts aside what the slot has of it; static.py came before.
keep_static() {
  host aside "$4" || return
  said=$("$DEPLOYER_PYTHON" -IS "$home/static.py" "$root/$1/repo/$2" "$root/aside/static" "$3" 5>&1 >&2)
  result=$?
  rm -f "$home/static.py"
  note "$said"
  return "$result"
}

# smoke <color> <port> <line…>: the host's own test of next; what fails it does not stay.
smoke() {
  color=$1 port=$2
  shift 2
  trap 'halt "$color"; exit 143' TERM
  for line; do
    printf '+ %s\n' "$line"
    as "$color" env "URL=http://127.0.0.1:$port" "PORT=$port" sh -c "$line"
    result=$?
    [ "$result" -eq 0 ] || { halt "$color"; return "$result"; }
  done
}

# warm <color> <times> <path…>: asks for pages before the public does.
warm() { host warm "$@"; }

# vacate <color> <release record>: what runs in the slot ends, and the slot no longer counts as a proven release.
vacate() { host stop "$1" && rm -f "$2" && { sync "${2%/*}" 2>/dev/null || sync; }; }

# halt <color>: what runs in the slot ends; its release stays, for a rollback.
halt() { host stop "$1"; }

# switch <old color> <new color> <commit> <history entry>: the cutover.
switch() { host switch "$@"; }

# nginx_test <command…>: nginx's own word on its whole configuration.
nginx_test() { "$@" 4>&-; }

# What a step starts, and leaves behind, must not hold the lock: descriptor 9 stays with this shell alone, which outlives
# the step, told to end or not.
trap : TERM
("$@") 9>&-
