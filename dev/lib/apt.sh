# shellcheck shell=bash
# apt-get for scripts that install packages for a build or a test.

# Debian runs this file before it starts a service.
policy=${TICKBOOK_POLICY:-/usr/sbin/policy-rc.d}
policy_mark="# made by tickbook, process"

# Sets as_root; fails where this user may not install anything.
may_install() {
  as_root=()
  have apt-get || return 1
  [ "$(id -u)" != 0 ] || return 0
  have sudo && sudo -n true 2>/dev/null || return 1
  as_root=(sudo -n)
}

# apt_get PACKAGE...
apt_get() {
  say "installing $* with apt-get"
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]+"${as_root[@]}"}" apt-get install -y -q "$@" >&2 ||
    { "${as_root[@]+"${as_root[@]}"}" apt-get update -q >&2 &&
      "${as_root[@]+"${as_root[@]}"}" apt-get install -y -q "$@" >&2; }
}

# Like apt_get, but prevents the packages from starting a service.
# For scripts without traps of their own.
apt_get_services() {
  local code=0
  forbid_services
  apt_get "$@" || code=$?
  allow_services
  trap - EXIT INT TERM HUP
  return "$code"
}

forbid_services() {
  local process
  # remove a file that a killed process left
  process=$(sed -n "s/^$policy_mark //p" "$policy" 2>/dev/null) || true
  if [ -n "$process" ] && ! kill -0 "$process" 2>/dev/null; then remove_policy; fi
  policy_is_ours=
  # respect an existing file
  [ ! -e "$policy" ] || return 0
  policy_is_ours=yes
  trap allow_services EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  printf '#!/bin/sh\n%s %s\nexit 101\n' "$policy_mark" "$$" |
    "${as_root[@]+"${as_root[@]}"}" tee "$policy" >/dev/null
  "${as_root[@]+"${as_root[@]}"}" chmod 755 "$policy"
}

allow_services() {
  [ -z "$policy_is_ours" ] || remove_policy
  policy_is_ours=
}

remove_policy() { "${as_root[@]+"${as_root[@]}"}" rm -f "$policy"; }
