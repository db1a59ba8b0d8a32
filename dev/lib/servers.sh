# shellcheck shell=bash
# Server processes of the third way: creates data folders, starts, waits for and stops servers.
#
# A server's folder holds data/, log, pid and lock. The server process itself holds the lock as
# an open file, so the lock is released however the server ends.

check_port_is_free() {
  ! port_answers 127.0.0.1 "$2" ||
    die "port $2 is taken by another program: stop it or set $1 in .env"
}

# Uses a shared lock, so that two concurrent checks do not mistake each other for the server.
server_is_running() {
  [ -e "$1/lock" ] && ! flock --shared -n "$1/lock" true
}

# make_data FOLDER DATABASE USER PASSWORD [initdb options]: creates a data folder with its role
# and database; an incomplete folder never gets the final name.
make_data() {
  local folder=$1 database=$2 user=$3 password=$4
  shift 4
  rm -rf "$folder/data" "$folder/data.partial"
  mkdir -p "$folder/data.partial/data"
  printf '%s\n' "$password" >"$folder/data.partial/password"
  chmod 600 "$folder/data.partial/password"
  give_to_postgres "$folder"
  local here
  here=$(pg_data "$folder/data.partial")
  pg_program "$folder/data.partial" initdb --pgdata="$here/data" --username="$user" --pwfile="$here/password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale-provider=builtin --locale=C.UTF-8 "$@"
  with_deadline 120 "${pg_command[@]}" >"$folder/initdb.log" 2>&1 </dev/null ||
    die "initdb failed in $folder: $(tail -n 1 "$folder/initdb.log")"
  pg_program "$folder/data.partial" postgres --single -D "$here/data" -c timezone=UTC postgres
  with_deadline 60 "${pg_command[@]}" >>"$folder/initdb.log" 2>&1 <<<"CREATE DATABASE $database" ||
    die "could not create $database: see $folder/initdb.log"
  mv "$folder/data.partial/data" "$folder/data"
  rm -rf "$folder/data.partial"
}

give_to_postgres() {
  [ -z "${native_owner:-}" ] || chown -R "$native_owner" "$1"
}

# launch_server FOLDER PORT metadata|timeseries lasting|passing|kept: a passing server ends with
# this script, however the script ends; a kept one belongs to a test and outlives the script.
launch_server() {
  local folder=$1 port=$2 kind=$3 life=$4
  local -a options=(-D "$(pg_data "$folder/data")" -p "$port"
    -c listen_addresses=127.0.0.1 -c unix_socket_directories=
    -c max_connections=400 -c max_locks_per_transaction=512 -c max_worker_processes=32
    -c shared_buffers=256MB -c timezone=UTC -c log_timezone=UTC)
  if [ "$kind" = timeseries ]; then
    options+=(-c shared_preload_libraries=timescaledb -c timescaledb.telemetry_level=off)
  fi
  # tests do not wait for the disk; measurements of writing must
  if [ "$life" != lasting ] && [ "${THROWAWAY_DURABLE:-no}" != yes ]; then
    options+=(-c fsync=off -c full_page_writes=off)
  fi
  give_to_postgres "$folder"
  pg_server_program "$life" "$folder/data" "${options[@]}"
  {
    # A check whether the server runs holds the lock for a moment.
    flock -w 5 7 || die "a server is already running in $folder: dev/databases down stops it"
    # While this script holds the lock, no server uses this data. After a crash the file may
    # name a process id that another program has now.
    rm -f "$folder/data/postmaster.pid"
    setsid "${pg_command[@]}" 6>"$folder/sandbox" 8>&- 9>&- >"$folder/log" 2>&1 </dev/null &
    echo $! >"$folder/pid"
  } 7>>"$folder/lock"
}

# wait_for_server FOLDER: waits until the server accepts connections; fails if it ends or takes too long.
wait_for_server() {
  local folder=$1 launched deadline=$((SECONDS + 60))
  launched=$(cat "$folder/pid")
  while ((SECONDS < deadline)); do
    # The server writes this word when it starts to accept clients.
    if [ "$(sed -n '8s/ *$//p' "$folder/data/postmaster.pid" 2>/dev/null)" = ready ]; then
      return 0
    fi
    kill -0 "$launched" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

server_pid() {
  local inner
  inner=$(sed -n -E 's/.*"child-pid": *([0-9]+).*/\1/p' "$1/sandbox" 2>/dev/null)
  if [ -n "$inner" ]; then printf '%s' "$inner"; else cat "$1/pid" 2>/dev/null; fi
}

# stop_server FOLDER [SIGNAL...]: tries a fast shutdown, and then harder ones if that takes too long.
stop_server() {
  local folder=$1 signal
  shift
  [ $# -gt 0 ] || set -- INT QUIT KILL
  for signal in "$@"; do
    server_is_running "$folder" || break
    kill "-$signal" "$(server_pid "$folder")" 2>/dev/null || true
    flock --shared -w 20 "$folder/lock" true || continue
  done
  ! server_is_running "$folder" || die "the server in $folder does not stop: end process $(server_pid "$folder")"
  rm -f "$folder/pid" "$folder/sandbox"
}

port_was_taken() { grep -q 'Address already in use' "$1/log" 2>/dev/null; }

last_words() {
  grep -E 'FATAL|PANIC|ERROR|bwrap|error' "$1/log" 2>/dev/null | tail -n 1 | sed -E 's/^[0-9: .-]+UTC \[[0-9]+\] //'
}
