# shellcheck shell=bash
# Runs one command with a new pair of databases and deletes them when the command ends.
#
# Each run has its own folder and locks the file `owner` in it. If `owner` is not locked, a
# killed run left the folder, and the next run removes it.

throwaway_root=$state_dir/throwaway
throwaway_user=orderbook
throwaway_password=throwaway

throwaway() {
  look_for_given
  if [ "$given" = yes ]; then
    check_given_answers
    have psql || "$project_dir/dev/dependencies" psql
    export TICKBOOK_DATABASES=given
    exec "$@"
  fi
  trap throwaway_cleanup EXIT
  trap 'throwaway_end INT 130' INT
  trap 'throwaway_end TERM 143' TERM
  trap 'throwaway_end HUP 129' HUP
  # The command may start further servers of the same kind.
  export DATABASES_BY=docker
  if ! choose_docker start_throwaway_containers; then
    export DATABASES_BY=debian
    prepare_postgres
    start_throwaway_servers
  fi
  throwaway_run "$@"
}

# claim_throwaway_folder docker|debian: call it under the lock of all runs, so that no sweep sees
# a folder between its creation and the lock of its owner.
claim_throwaway_folder() {
  mkdir -p "$throwaway_root"
  sweep_throwaways
  if [ "$1" = debian ]; then make_templates; fi
  throwaway_folder=$(mktemp -d "$throwaway_root/XXXXXXXX")
  # The server may run as another user; the data folders inside stay closed to others.
  chmod 755 "$throwaway_folder"
  printf '%s' "$1" >"$throwaway_folder/way"
  if have flock; then
    exec 9>"$throwaway_folder/owner"
    flock -n 9
  fi
}

sweep_throwaways() {
  local folder
  have flock || return 0
  for folder in "$throwaway_root"/*/; do
    folder=${folder%/}
    [ -d "$folder" ] || continue
    if [ -e "$folder/owner" ] && ! flock -n "$folder/owner" true; then continue; fi
    remove_throwaway "$folder"
  done
}

remove_throwaway() {
  local folder=$1 name
  if [ "$(cat "$folder/way" 2>/dev/null)" = docker ]; then
    throwaway_compose "$folder" 60 down --volumes --timeout 0 >/dev/null 2>&1 || true
  fi
  for name in metadata timeseries; do
    [ ! -e "$folder/$name/lock" ] || stop_server "$folder/$name" QUIT KILL
  done
  rm -rf "$folder"
}

make_templates() {
  local name version pids=() pid
  version=$(template_version)
  [ "$(cat "$state_dir/template/version" 2>/dev/null)" != "$version" ] || return 0
  rm -rf "$state_dir/template"
  for name in metadata timeseries; do
    mkdir -p "$state_dir/template/$name"
    make_data "$state_dir/template/$name" "orderbook_$name" "$throwaway_user" "$throwaway_password" --no-sync &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || exit 1; done
  printf '%s' "$version" >"$state_dir/template/version"
}

template_version() {
  pg_program /tmp postgres --version
  with_deadline 10 "${pg_command[@]}"
}

start_throwaway_servers() {
  local name
  with_lock throwaway claim_throwaway_folder debian
  for name in metadata timeseries; do
    mkdir "$throwaway_folder/$name"
    cp -a --reflink=auto "$state_dir/template/$name/data" "$throwaway_folder/$name/data"
  done
  for name in metadata timeseries; do launch_on_random_port "$name"; done
  for name in metadata timeseries; do
    until wait_for_server "$throwaway_folder/$name"; do
      port_was_taken "$throwaway_folder/$name" ||
        die "the $name server did not start ($(last_words "$throwaway_folder/$name"))"
      launch_on_random_port "$name"
    done
  done
  throwaway_urls "$(cat "$throwaway_folder/metadata/port")" "$(cat "$throwaway_folder/timeseries/port")"
}

# Only the server's own attempt shows reliably whether a port is free.
launch_on_random_port() {
  local port
  port=$(random_port)
  printf '%s' "$port" >"$throwaway_folder/$1/port"
  launch_server "$throwaway_folder/$1" "$port" "$1" passing
}

throwaway_urls() {
  metadata_url=$(database_url "$throwaway_user" "$throwaway_password" "$1" "$metadata_database")
  timeseries_url=$(database_url "$throwaway_user" "$throwaway_password" "$2" "$timeseries_database")
}

# throwaway_compose FOLDER SECONDS ARGS...: with port 0 the engine chooses free ports.
throwaway_compose() (
  folder=$1
  shift
  metadata_port=0 timeseries_port=0
  postgres_user=$throwaway_user postgres_password=$throwaway_password
  if [ "${THROWAWAY_DURABLE:-no}" != yes ]; then compose_files+=(-f "$project_dir/dev/throwaway.compose.yml"); fi
  compose_files+=(-p "tickbook-throwaway-$(basename "$folder" | tr '[:upper:]' '[:lower:]')")
  compose "$@"
)

start_throwaway_containers() {
  local name port ports=()
  with_lock throwaway claim_throwaway_folder docker
  if ! throwaway_compose "$throwaway_folder" 240 up -d --wait --wait-timeout 180 >"$state_dir/log/docker.log" 2>&1; then
    docker_problem="docker compose up failed (see .dev/log/docker.log)"
    remove_throwaway "$throwaway_folder"
    return 1
  fi
  for name in metadata timeseries; do
    port=$(throwaway_compose "$throwaway_folder" 20 port "$name" 5432) ||
      die "docker compose did not print the port of $name"
    ports+=("${port##*:}")
  done
  throwaway_urls "${ports[@]}"
}

# Tests read stored data with psql. If the machine has none, this provides the psql of the
# servers.
provide_psql() {
  ! have psql || return 0
  if client_for_urls; then
    mkdir "$throwaway_folder/bin"
    {
      printf '#!/bin/sh\nexec'
      printf ' %q' "${psql_client[@]}"
      printf ' "$@"\n'
    } >"$throwaway_folder/bin/psql"
    chmod 755 "$throwaway_folder/bin/psql"
    export PATH=$throwaway_folder/bin:$PATH
  else
    "$project_dir/dev/dependencies" psql
  fi
}

throwaway_run() {
  provide_psql
  export DATABASE_URL=$metadata_url TIMESCALEDB_URL=$timeseries_url TICKBOOK_DATABASES=throwaway
  local code=0
  if ! env --default-signal=INT,QUIT true 2>/dev/null; then
    "$@" 9>&- || code=$?
    exit "$code"
  fi
  # On a terminal, Ctrl-C reaches the command too, which may continue after it, so this script
  # only waits. It ignores the signal and sets no trap, since a trap that interrupts `wait` can
  # lose the exit code of a command that ends at that moment.
  if [ -t 0 ] || [ -t 2 ]; then trap '' INT; fi
  # In the background, so that this script handles a TERM before the command has ended.
  env --default-signal=INT,QUIT "$@" 9>&- <&0 &
  throwaway_command=$!
  wait "$throwaway_command" || code=$?
  exit "$code"
}

# throwaway_end SIGNAL CODE: forwards the signal to the command, and kills it if it has not
# ended ten seconds later.
throwaway_end() {
  local deadline=$((SECONDS + 10))
  trap '' INT TERM HUP
  if [ -n "${throwaway_command:-}" ]; then
    kill "-$1" "$throwaway_command" 2>/dev/null || true
    while kill -0 "$throwaway_command" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.1; done
    kill -KILL "$throwaway_command" 2>/dev/null || true
  fi
  exit "$2"
}

throwaway_cleanup() {
  trap '' INT TERM HUP
  [ -z "${throwaway_folder:-}" ] || remove_throwaway "$throwaway_folder"
}
