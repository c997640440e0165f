# shellcheck shell=sh
# What a deploy of a Django application needs, and `plan`: a function, added to those of the session and of the steps.

# judge <folder> <settings>: looks at what Django would migrate; judge.py lies in the folder, and takes it away. Where it is
# gone, that was done before.
judge() {
  [ -e "$1/judge.py" ] || { note "done before"; return 0; }
  "$DEPLOYER_PYTHON" -IS "$1/judge.py" "$@" 3<&- 9>&-
}
