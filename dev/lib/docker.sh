# shellcheck shell=bash
# The second way: docker-compose.yml, if a Docker engine answers.

compose_files=(-f "$project_dir/docker-compose.yml")

# compose SECONDS ARGS...: passes the values as variables, since Compose and this script
# parse .env differently.
compose() {
  local seconds=$1
  shift
  with_deadline "$seconds" env \
    METADATA_PORT="$metadata_port" TIMESERIES_PORT="$timeseries_port" \
    POSTGRES_USER="$postgres_user" POSTGRES_PASSWORD="$postgres_password" \
    docker compose --project-directory "$project_dir" "${compose_files[@]}" "$@"
}

# Sets docker_problem if Docker cannot be used.
docker_is_usable() {
  docker_problem=
  if ! have docker; then
    docker_problem="docker is not installed"
  elif ! docker_engine_answers; then
    docker_problem="no Docker engine answers"
  elif ! with_deadline 20 docker compose version >/dev/null 2>&1; then
    docker_problem="docker has no compose plugin"
  elif ! docker_images; then
    docker_problem="the Docker engine cannot get the images (see .dev/log/docker.log)"
  fi
  [ -z "$docker_problem" ]
}

# choose_docker START: succeeds if Docker is chosen and the command START has started the
# databases there. Prints the reason for each choice in one line.
choose_docker() {
  if [ "$databases_by" = debian ]; then
    say "DATABASES_BY is debian: using PostgreSQL 17 from Debian's packages"
    return 1
  fi
  if [ -n "${DATABASE_URL:-}" ]; then
    say "DATABASE_URL and TIMESCALEDB_URL name the databases of dev/databases: trying Docker"
  else
    say "DATABASE_URL and TIMESCALEDB_URL are not set: trying Docker"
  fi
  if docker_is_usable && "$1"; then return 0; fi
  [ "$databases_by" != docker ] ||
    die "$docker_problem, and DATABASES_BY allows nothing else: start Docker or set DATABASES_BY=auto"
  say "$docker_problem: using PostgreSQL 17 from Debian's packages"
  return 1
}

docker_engine_answers() {
  have docker && with_deadline 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

docker_images() {
  local image images missing=
  mkdir -p "$state_dir/log"
  images=$(compose 20 config --images 2>"$state_dir/log/docker.log") || return 1
  for image in $images; do
    with_deadline 20 docker image inspect "$image" >/dev/null 2>&1 || missing+=" $image"
  done
  [ -n "$missing" ] || return 0
  compose 900 pull --quiet >"$state_dir/log/docker.log" 2>&1
}

docker_service_runs() {
  [ -n "$(compose 20 ps --quiet --status running "$1" 2>/dev/null)" ]
}

# Starts the containers. If that fails, removes those it has started and fails.
docker_up() {
  docker_service_runs metadata || check_port_is_free METADATA_PORT "$metadata_port"
  docker_service_runs timeseries || check_port_is_free TIMESERIES_PORT "$timeseries_port"
  if ! compose 240 up -d --wait --wait-timeout 180 >"$state_dir/log/docker.log" 2>&1; then
    docker_problem="docker compose up failed (see .dev/log/docker.log)"
    compose 60 down --timeout 10 >>"$state_dir/log/docker.log" 2>&1 || true
    return 1
  fi
}

docker_down() {
  mkdir -p "$state_dir/log"
  compose 90 down --timeout 30 "$@" >"$state_dir/log/docker.log" 2>&1 ||
    die "docker compose down failed: see .dev/log/docker.log"
}
