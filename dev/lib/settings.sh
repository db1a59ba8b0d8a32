# shellcheck shell=bash
# Reads settings from the environment and .env, and records the pair that `up` has started.

metadata_database=orderbook_metadata
timeseries_database=orderbook_timeseries

# Reads only the requested name from .env and executes nothing in it.
setting() {
  local name=$1 default=$2 value=
  if [ -n "${!name:-}" ]; then
    printf '%s' "${!name}"
    return
  fi
  if [ -f "$project_dir/.env" ]; then
    value=$(sed -n -E "s/^[[:space:]]*(export[[:space:]]+)?$name[[:space:]]*=[[:space:]]*//p" "$project_dir/.env" | tail -n 1)
    value=${value%$'\r'}
    case $value in
      \"*\"*) value=${value#\"} value=${value%%\"*} ;;
      \'*\'*) value=${value#\'} value=${value%%\'*} ;;
      *) value=$(sed -E 's/[[:space:]]+(#.*)?$//' <<<"$value") ;;
    esac
  fi
  printf '%s' "${value:-$default}"
}

check_port() {
  [[ $2 =~ ^[0-9]{1,5}$ ]] && ((10#$2 >= 1 && 10#$2 <= 65535)) ||
    die "$1 is \"$2\", which is invalid: set it to a port from 1 to 65535 in .env"
}

load_settings() {
  # Locks and data in this folder are readable for one user only.
  [ ! -e "$state_dir" ] || [ -O "$state_dir" ] ||
    die "the folder .dev belongs to another user: run as that user, or delete .dev"
  metadata_port=$(setting METADATA_PORT 5432)
  timeseries_port=$(setting TIMESERIES_PORT 5433)
  check_port METADATA_PORT "$metadata_port"
  check_port TIMESERIES_PORT "$timeseries_port"
  [ "$metadata_port" != "$timeseries_port" ] ||
    die "METADATA_PORT and TIMESERIES_PORT are both $metadata_port: give each its own in .env"
  postgres_user=$(setting POSTGRES_USER orderbook)
  [[ $postgres_user =~ ^[a-z_][a-z0-9_]{0,62}$ && $postgres_user != pg_* ]] ||
    die "POSTGRES_USER is \"$postgres_user\": use lower-case letters, digits and underscores, not starting with pg_"
  postgres_password=$(setting POSTGRES_PASSWORD orderbook123)
  databases_by=$(setting DATABASES_BY auto)
  case $databases_by in
    auto | docker | debian) ;;
    *) die "DATABASES_BY is \"$databases_by\": set it to auto, docker or debian in .env" ;;
  esac
  metadata_url=$(database_url "$postgres_user" "$postgres_password" "$metadata_port" "$metadata_database")
  timeseries_url=$(database_url "$postgres_user" "$postgres_password" "$timeseries_port" "$timeseries_database")
}

# The note outlives `down`. It records which data the next `up` uses, and it identifies URLs
# that are still exported from the last `up` as this script's own.
write_note() {
  mkdir -p "$state_dir"
  (umask 077 && printf 'way=%s\nmetadata_url=%s\ntimeseries_url=%s\n' "$1" "$metadata_url" "$timeseries_url" >"$state_dir/pair.new")
  mv "$state_dir/pair.new" "$state_dir/pair"
}

# Leaves the URLs in the note, since shells may have them exported.
forget_way() {
  [ ! -f "$state_dir/pair" ] || sed -i.old 's/^way=.*/way=none/' "$state_dir/pair"
  rm -f "$state_dir/pair.old"
}

noted() {
  [ -f "$state_dir/pair" ] || return 0
  sed -n "s/^$1=//p" "$state_dir/pair"
}

# Role and password of a data folder or volume are set when it is created.
check_role_is_that_of_the_data() {
  local made now
  case $(noted way) in '' | none) return 0 ;; esac
  made=$(noted metadata_url)
  made=${made#*//} now=${metadata_url#*//}
  [ "${made%@*}" = "${now%@*}" ] ||
    die "the databases were made with another POSTGRES_USER or POSTGRES_PASSWORD: restore them in .env, or delete the data with dev/databases reset"
}

# The URLs of a running pair do not change when .env changes.
use_noted_urls() {
  metadata_url=$(noted metadata_url)
  timeseries_url=$(noted timeseries_url)
}
