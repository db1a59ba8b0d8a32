# shellcheck shell=bash
# One server of a test's own, which the test may freeze, kill, stop and start again.
#
# Its folder is the test's; the server goes, and the folder with it, when the process
# that asked for it has ended, however that ended.

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

# Prints port and process id of the server.
control_start() {
  local folder=$1 kind=$2 owner=$3
  case $kind in metadata | timeseries) ;; *) die "$server_usage" ;; esac
  kill -0 "$owner" 2>/dev/null || die "there is no process $owner that could own a server"
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
    # The owner may have told the port to others, so that only the first start chooses anew.
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
  server_is_running "$1" || die "no server runs in $1"
  printf '%s\n' "$(server_pid "$1")"
}
