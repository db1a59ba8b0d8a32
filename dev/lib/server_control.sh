# shellcheck shell=bash
# Runs one server for a test, which may freeze, kill, stop and start it again.
#
# The test chooses the folder. When the process that requested the server ends, for any
# reason, the server is stopped and the folder deleted.

server_usage="use: dev/databases server start FOLDER metadata|timeseries OWNER_PID | stop FOLDER fast|immediate | pid FOLDER"

server_control() {
  local action=${1:-} folder=${2:-}
  [ -n "$folder" ] || die "$server_usage"
  case $action-$# in
    start-4) control_start "$folder" "$3" "$4" ;;
    stop-3) control_stop "$folder" "$3" ;;
    pid-2) control_pid "$folder" ;;
    *) die "$server_usage" ;;
  esac
}

# Starts the server and prints its port and process id.
control_start() {
  local folder=$1 kind=$2 owner=$3
  case $kind in metadata | timeseries) ;; *) die "$server_usage" ;; esac
  kill -0 "$owner" 2>/dev/null || die "owner process $owner does not exist"
  prepare_postgres
  if [ ! -e "$folder/data" ]; then
    with_lock throwaway make_templates
    mkdir -p "$folder"
    cp -a --reflink=auto "$state_dir/template/$kind/data" "$folder/data"
    random_port >"$folder/port"
    printf '%s' "$kind" >"$folder/kind"
    watch_owner "$folder" "$owner" 8>&- 9>&- >/dev/null 2>&1 </dev/null &
  fi
  launch_server "$folder" "$(cat "$folder/port")" "$kind" kept
  until wait_for_server "$folder"; do
    port_was_taken "$folder" || die "the server in $folder did not start ($(last_words "$folder"))"
    # Other processes may use the port, so that only the first start may choose another one.
    [ ! -e "$folder/started" ] || die "port $(cat "$folder/port") of the server in $folder was taken while it was down"
    random_port >"$folder/port"
    launch_server "$folder" "$(cat "$folder/port")" "$kind" kept
  done
  : >"$folder/started"
  printf '%s %s\n' "$(cat "$folder/port")" "$(server_pid "$folder")"
}

watch_owner() {
  tail --pid="$2" -f /dev/null
  stop_server "$1" QUIT KILL
  rm -rf "$1"
}

control_stop() {
  case $2 in
    fast) stop_server "$1" INT KILL ;;
    immediate) stop_server "$1" QUIT KILL ;;
    *) die "$server_usage" ;;
  esac
}

control_pid() {
  server_is_running "$1" || die "the server in $1 is not running"
  printf '%s\n' "$(server_pid "$1")"
}
