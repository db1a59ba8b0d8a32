# shellcheck shell=bash
# Messages, locks, waiting and ports, for all other parts.

say() { printf 'databases: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# with_deadline SECONDS COMMAND...: runs COMMAND without a deadline if timeout(1) is missing.
with_deadline() {
  local seconds=$1
  shift
  if have timeout; then
    timeout --foreground -k 5 "$seconds" "$@"
  else
    "$@"
  fi
}

# with_lock NAME COMMAND...: runs COMMAND under a lock that all runs of this script share. A process that
# outlives the script must have descriptor 8 closed, or the lock would never be released.
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

# Prints a port below the range for outgoing connections, so that no such connection takes it
# before the server starts.
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
