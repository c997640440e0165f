# shellcheck shell=sh
# Which slot a word means, and whether a release can run in it: "deployer-slot <color> <ready|bare>".
#
# arguments: the root; live, next, blue or green
root=$1 color=$2
case $color in
  live | next)
    color=$(readlink "$root/$color") || color=none
    color=${color##*/}
    ;;
esac
ready=bare
[ ! -e "$root/.deployer/launch" ] || [ ! -e "$root/$color/etc/env" ] || [ ! -e "$root/$color/etc/run/web" ] || ready=ready
printf '\ndeployer-slot %s %s\n' "$color" "$ready"
