# shellcheck shell=bash
# The pair of databases for development: up, down, status, env, reset.

pair_folder() { printf '%s/data/%s' "$state_dir" "$1"; }

pair_up() {
  look_for_given
  if [ "$given" = yes ]; then
    check_given_answers
    say "using the databases of DATABASE_URL and TIMESCALEDB_URL"
  else
    with_lock pair bring_pair_up
  fi
  print_exports "$metadata_url" "$timeseries_url"
}

bring_pair_up() {
  local way
  way=$(noted way)
  if pair_is_running "$way"; then
    use_noted_urls
    say "already running ($way)"
    return
  fi
  check_role_is_that_of_the_data
  # Other servers with empty databases would look like lost data.
  if [ "$databases_by" = auto ] && [ -e "$(pair_folder metadata)/data" ]; then
    say "the databases in .dev/data were made without Docker: using PostgreSQL 17 from Debian's packages (dev/databases reset chooses again)"
  elif choose_docker docker_up; then
    write_note docker
    say "running in Docker: metadata on port $metadata_port, timeseries on port $timeseries_port"
    return
  fi
  prepare_postgres
  start_pair_servers
  write_note "$pg_runs"
  say "running ($pg_runs): metadata on port $metadata_port, timeseries on port $timeseries_port"
}

pair_is_running() {
  case $1 in
    docker) docker_engine_answers && docker_service_runs metadata && docker_service_runs timeseries ;;
    native | sandbox) server_is_running "$(pair_folder metadata)" && server_is_running "$(pair_folder timeseries)" ;;
    *) return 1 ;;
  esac
}

start_pair_servers() {
  local name pids=() pid failed=no
  # If only one server still runs, its port may come from earlier settings.
  for name in metadata timeseries; do stop_server "$(pair_folder "$name")"; done
  check_port_is_free METADATA_PORT "$metadata_port"
  check_port_is_free TIMESERIES_PORT "$timeseries_port"
  for name in metadata timeseries; do
    start_pair_server "$name" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=yes; done
  if [ "$failed" = yes ]; then
    for name in metadata timeseries; do stop_server "$(pair_folder "$name")"; done
    exit 1
  fi
}

start_pair_server() {
  local name=$1 folder port_name port database
  folder=$(pair_folder "$name")
  if [ "$name" = metadata ]; then
    port_name=METADATA_PORT port=$metadata_port database=$metadata_database
  else
    port_name=TIMESERIES_PORT port=$timeseries_port database=$timeseries_database
  fi
  mkdir -p "$folder"
  if [ ! -e "$folder/data" ]; then
    say "creating the $name database in .dev/data/$name"
    make_data "$folder" "$database" "$postgres_user" "$postgres_password"
  fi
  launch_server "$folder" "$port" "$name" lasting
  wait_for_server "$folder" && return
  ! port_was_taken "$folder" || die "port $port is taken by another program: stop it or set $port_name in .env"
  die "the $name server did not start ($(last_words "$folder")): see .dev/data/$name/log"
}

pair_down() {
  look_for_given
  [ "$given" = no ] || die "the databases of DATABASE_URL and TIMESCALEDB_URL were not started here, so they are left alone: stop them where they run"
  with_lock pair take_pair_down
}

take_pair_down() {
  local stopped=no name
  if [ "$(noted way)" = docker ] && docker_engine_answers; then
    docker_down
    stopped=yes
  fi
  for name in metadata timeseries; do
    server_is_running "$(pair_folder "$name")" || continue
    stop_server "$(pair_folder "$name")"
    stopped=yes
  done
  if [ "$stopped" = yes ]; then say "stopped"; else say "nothing was running"; fi
}

pair_reset() {
  look_for_given
  [ "$given" = no ] || die "the databases of DATABASE_URL and TIMESCALEDB_URL were not started here, so their data is not deleted: unset both to reset those of dev/databases"
  with_lock pair delete_pair
  unset DATABASE_URL TIMESCALEDB_URL
  pair_up
}

delete_pair() {
  take_pair_down
  if [ "$(noted way)" = docker ]; then
    docker_engine_answers || die "no Docker engine answers, and the data to delete is in Docker: start Docker first"
    docker_down --volumes
  fi
  rm -rf "$state_dir/data"
  forget_way
  say "deleted the data of both databases"
}

pair_env() {
  find_running_pair
  print_exports "$metadata_url" "$timeseries_url"
}

# Sets way and the two URLs, or ends the script.
find_running_pair() {
  look_for_given
  way=given
  [ "$given" = no ] || return 0
  way=$(noted way)
  pair_is_running "$way" || die "the databases are not running: start them with dev/databases up"
  use_noted_urls
}

pair_status() {
  local up=0
  look_for_given
  if [ "$given" = yes ]; then
    way=given
  else
    way=$(noted way)
    case $way in '' | none) way=none ;; *) use_noted_urls ;; esac
  fi
  status_line metadata "$metadata_url" || up=1
  status_line timeseries "$timeseries_url" || up=1
  return "$up"
}

status_line() {
  local name=$1 url=$2 answer problem server extension license
  if [ "$way" = none ]; then
    printf '%-10s  %-7s  down  never started: dev/databases up\n' "$name" -
    return 1
  fi
  if ! answer=$(query_pair "$name" "$url" "select current_setting('server_version'), (select extversion from pg_extension where extname = 'timescaledb'), current_setting('timescaledb.license', true)" 2>&1); then
    problem=$(psql_reason "$answer")
    printf '%-10s  %-7s  down  %s  (%s)\n' "$name" "$way" "$(hide_password "$url")" "$problem"
    return 1
  fi
  IFS='|' read -r server extension license <<<"$answer"
  printf '%-10s  %-7s  up    %s  PostgreSQL %s' "$name" "$way" "$(hide_password "$url")" "${server%% *}"
  if [ "$name" = timeseries ]; then
    if [ -n "$extension" ]; then
      printf ', TimescaleDB %s (%s)' "$extension" "${license:-unknown edition}"
    else
      printf ', extension not created yet, run tickbook migrate'
    fi
  fi
  printf '\n'
}
