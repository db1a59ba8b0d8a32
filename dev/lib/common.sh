# shellcheck shell=bash
# Messages, locks, waiting and ports: what every other part uses.

say() { printf 'databases: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# with_deadline SECONDS COMMAND...: not every system has timeout(1).
with_deadline() {
  local seconds=$1
  shift
  if have timeout; then
    timeout --foreground -k 5 "$seconds" "$@"
  else
    "$@"
  fi
}

# with_lock NAME COMMAND...: alone among all runs of this script. Descriptor 8 has to
# be closed for whatever outlives the script, or the lock would never be free.
with_lock() {
  local name=$1
  shift
  mkdir -p "$state_dir"
  {
    ! have flock || flock -w 900 8 ||
      die "another dev/databases has been busy for 15 minutes: end it, then try again"
    "$@"
  } 8>>"$state_dir/$name.lock"
}

# port_answers HOST PORT
port_answers() {
  if have timeout; then
    # shellcheck disable=SC2016 # the inner bash expands them
    timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
  else
    (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
  fi
}

# Below the range that systems take for outgoing connections, so that none of those
# takes the port between this choice and the server's start.
random_port() { echo $((15000 + (RANDOM * 32768 + RANDOM) % 16000)); }

url_encode() {
  local LC_ALL=C text=$1 out='' i char
  for ((i = 0; i < ${#text}; i++)); do
    char=${text:i:1}
    case $char in
      [a-zA-Z0-9._~-]) out+=$char ;;
      *) out+=$(printf '%%%02X' "'$char") ;;
    esac
  done
  printf '%s' "$out"
}

# database_url USER PASSWORD PORT DATABASE
database_url() {
  printf 'postgresql://%s:%s@127.0.0.1:%s/%s' "$(url_encode "$1")" "$(url_encode "$2")" "$3" "$4"
}

hide_password() { sed -E 's#(//[^:/@]*):.*@#\1:***@#; s#(password=)[^& ]*#\1***#g' <<<"$1"; }

print_exports() {
  printf 'export DATABASE_URL=%q\nexport TIMESCALEDB_URL=%q\n' "$1" "$2"
}
