# shellcheck shell=bash
# The first way: existing databases, whose URLs are in the environment.

# Sets given=yes or given=no.
look_for_given() {
  given=no
  if [ -n "${DATABASE_URL:-}" ] && [ -n "${TIMESCALEDB_URL:-}" ]; then
    if ! same_place "$DATABASE_URL" "$(noted metadata_url)" || ! same_place "$TIMESCALEDB_URL" "$(noted timeseries_url)"; then
      given=yes
      metadata_url=$DATABASE_URL
      timeseries_url=$TIMESCALEDB_URL
    fi
  elif [ -n "${DATABASE_URL:-}" ]; then
    die "DATABASE_URL is set and TIMESCALEDB_URL is not: set both or neither"
  elif [ -n "${TIMESCALEDB_URL:-}" ]; then
    die "TIMESCALEDB_URL is set and DATABASE_URL is not: set both or neither"
  fi
}

# Compares URLs without user and password, since a shell may still export the URLs of the last
# `up` with an older password.
same_place() { [ "${1##*@}" = "${2##*@}" ]; }

check_given_answers() {
  local name url problem
  for name in DATABASE_URL TIMESCALEDB_URL; do
    url=${!name}
    problem=$(url_problem "$url") ||
      die "$name is set, but $(hide_password "$url") does not answer (${problem:-no reply}): start that server, or unset DATABASE_URL and TIMESCALEDB_URL to use databases of dev/databases"
  done
}

# url_problem URL: fails, with the reason on stdout, if the server does not answer.
url_problem() {
  local out
  if client_for_urls; then
    out=$(client_query "$1" 'select 1' 2>&1) && return 0
    psql_reason "$out"
    return 1
  fi
  # Without a client, only check whether something listens.
  local rest=${1#*://} host port
  rest=${rest%%[/?]*}
  rest=${rest##*@}
  host=${rest%:*} port=5432
  [ "$host" = "$rest" ] || port=${rest##*:}
  host=${host#[} host=${host%]}
  port_answers "$host" "$port" && return 0
  printf 'connection refused'
  return 1
}
