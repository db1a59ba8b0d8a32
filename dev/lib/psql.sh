# shellcheck shell=bash
# Runs psql from the machine, from .dev/rootfs or from the container.

pair_psql() {
  local name=${1:-} url
  case $name in
    metadata | timeseries) shift ;;
    *) die "missing name of the database: use dev/databases psql metadata or dev/databases psql timeseries" ;;
  esac
  find_running_pair
  if [ "$name" = metadata ]; then url=$metadata_url; else url=$timeseries_url; fi
  psql_for "$name" "$url" "$@" || exit $?
}

# psql_for metadata|timeseries URL ARGS...
psql_for() {
  local name=$1 url=$2
  shift 2
  if client_for_urls; then
    "${psql_client[@]}" "$url" "$@"
  elif [ "$way" = docker ]; then
    local -a terminal=()
    [ -t 0 ] && [ -t 1 ] || terminal=(-T)
    compose 0 exec "${terminal[@]+"${terminal[@]}"}" "$name" psql -h 127.0.0.1 -U "$postgres_user" "orderbook_$name" "$@"
  else
    die "psql is missing: install the package postgresql-client"
  fi
}

# Sets psql_client to a psql that can reach any URL; fails if none is installed.
client_for_urls() {
  if have psql; then
    psql_client=(psql)
  elif [ -x "$pg_home/bin/psql" ]; then
    psql_client=("$pg_home/bin/psql")
  elif [ -e "$rootfs/complete" ] && have bwrap; then
    # The machine's own files stay visible, so that \i and \o use the given paths.
    psql_client=(bwrap --dev-bind / / --ro-bind "$rootfs/usr" /usr "$pg_home/bin/psql")
  else
    return 1
  fi
}

# Prints the reason from the first line of a psql error.
psql_reason() {
  sed -E -n '1s/^psql: error: //; 1s/^connection to server .* failed: //; 1s/^(FATAL|ERROR): +//; 1p' <<<"$1"
}

client_query() {
  PGCONNECT_TIMEOUT=5 with_deadline 15 "${psql_client[@]}" --no-psqlrc -w -At -v ON_ERROR_STOP=1 -c "$2" "$1" </dev/null
}

# query_pair metadata|timeseries URL SQL
query_pair() {
  if client_for_urls; then
    client_query "$2" "$3"
  elif [ "$way" = docker ]; then
    compose 15 exec -T "$1" psql --no-psqlrc -At -h 127.0.0.1 -U "$postgres_user" -c "$3" "orderbook_$1" </dev/null
  else
    printf 'psql is missing: install the package postgresql-client'
    return 1
  fi
}
