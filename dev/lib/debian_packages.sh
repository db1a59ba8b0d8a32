# shellcheck shell=bash
# The third way, first half: installs PostgreSQL 17 with TimescaleDB from Debian's
# packages on the machine itself or in the folder .dev/rootfs.

pg_home=/usr/lib/postgresql/17
pg_packages="postgresql-17 postgresql-17-timescaledb"
rootfs=$state_dir/rootfs

# Prepares everything that a server needs and sets pg_runs to native or sandbox. Ends the
# script with the reason if that is impossible.
prepare_postgres() {
  pg_runs=
  [ "$(uname -s)" = Linux ] ||
    die "Debian's packages run on Linux only: start Docker, or set DATABASE_URL and TIMESCALEDB_URL"
  have flock || die "flock is missing: install the package util-linux"
  if ! native_postgres_is_there && debian_is_13_or_newer && [ "$(id -u)" = 0 ]; then
    with_lock packages install_native_postgres
  fi
  if native_postgres_is_there; then
    prepare_native
    pg_runs=native
    return
  fi
  need_tools
  [ -e "$rootfs/complete" ] || with_lock packages extract_rootfs
  prepare_sandbox
  pg_runs=sandbox
}

native_postgres_is_there() {
  [ -x "$pg_home/bin/postgres" ] && [ -e /usr/share/postgresql/17/extension/timescaledb.control ]
}

debian_is_13_or_newer() {
  local id='' version=''
  [ -r /etc/os-release ] || return 1
  id=$(. /etc/os-release && printf '%s' "${ID:-}")
  # Debian's testing and unstable have no VERSION_ID.
  version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-99}")
  [ "$id" = debian ] && [[ $version =~ ^[0-9]+$ ]] && [ "$version" -ge 13 ]
}

# Debian's package creates a server and starts it on port 5432, now and at every boot.
# PGSYSCONFDIR gives the package a setting for this one run that disables this.
install_native_postgres() {
  native_postgres_is_there && return
  local conf
  conf=$(mktemp -d)
  printf "start_conf = 'disabled'\n" >"$conf/createcluster.conf"
  chmod 755 "$conf"
  PGSYSCONFDIR=$conf apt_install "$pg_packages"
  rm -rf "$conf"
}

need_tools() {
  local wanted=''
  have mmdebstrap || [ -e "$rootfs/complete" ] || wanted+=" mmdebstrap"
  have bwrap || wanted+=" bubblewrap"
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || [ -e "$rootfs/complete" ] ||
    wanted+=" debian-archive-keyring"
  if [ "$(id -u)" != 0 ] && [ ! -e "$rootfs/complete" ]; then
    have newuidmap || wanted+=" uidmap"
  fi
  [ -n "$wanted" ] || return 0
  if [ "$(id -u)" = 0 ] && have apt-get; then
    with_lock packages apt_install "$wanted"
  elif have apt-get; then
    die "packages are missing and only root can install them: sudo apt-get install$wanted"
  else
    die "missing on this machine:$wanted: install that, or start Docker, or set DATABASE_URL and TIMESCALEDB_URL"
  fi
}

# apt_install "PACKAGES": prints the packages, then installs them.
apt_install() {
  local log=$state_dir/log/apt.log
  local -a packages
  read -ra packages <<<"$1"
  mkdir -p "$state_dir/log"
  say "installing with apt-get: ${packages[*]}"
  apt_quietly install "${packages[@]}" >"$log" 2>&1 && return
  # The package lists of a new machine are often empty or too old.
  apt_quietly update >>"$log" 2>&1 || true
  apt_quietly install "${packages[@]}" >>"$log" 2>&1 ||
    die "apt-get could not install ${packages[*]} (no network?): see .dev/log/apt.log"
}

apt_quietly() {
  DEBIAN_FRONTEND=noninteractive with_deadline 600 apt-get -y -q \
    -o DPkg::Lock::Timeout=120 -o APT::Install-Recommends=false "$@" </dev/null
}

# Unpacks into a temporary folder, which is renamed when it is complete.
extract_rootfs() {
  [ ! -e "$rootfs/complete" ] || return 0
  local log=$state_dir/log/mmdebstrap.log partial mode=root
  mkdir -p "$state_dir/log"
  rm -rf "$state_dir"/rootfs.partial.* "$state_dir/tmp" "$rootfs"
  if [ "$(id -u)" != 0 ]; then
    mode=unshare
    grep -qs -e "^$(id -un):" -e "^$(id -u):" /etc/subuid ||
      die "user $(id -un) has no subordinate ids in /etc/subuid, which unpacking Debian's packages needs: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
  fi
  partial=$(mktemp -d "$state_dir/rootfs.partial.XXXXXX")
  # As root, use a folder that the next run removes if mmdebstrap is killed. The user of
  # mode unshare may not have access to it.
  local tmp=${TMPDIR:-/tmp}
  if [ "$mode" = root ]; then
    tmp=$state_dir/tmp
    mkdir "$tmp"
  fi
  say "unpacking PostgreSQL 17 and TimescaleDB from Debian's packages into .dev/rootfs (once, about 420 MB)"
  # /dev holds device nodes, which an ordinary user cannot create and the sandbox does
  # not need. mmdebstrap starts in / because its user may not have access to this folder.
  if ! (cd / && TMPDIR=$tmp with_deadline 900 mmdebstrap --mode="$mode" --variant=extract --format=tar \
    --include="${pg_packages// /,},base-files,dash" trixie - 2>"$log" 8>&-) |
    tar -x -C "$partial" --no-same-owner --exclude='./dev/*' 2>"$log.tar"; then
    rm -rf "$partial" "$state_dir/tmp"
    die "could not get Debian's packages ($(mmdebstrap_problem "$log")): see .dev/log/mmdebstrap.log"
  fi
  rm -rf "$state_dir/tmp"
  chmod 755 "$partial"
  mkdir -p "$partial/data"
  printf 'postgres:x:70:70:PostgreSQL:/:/bin/sh\n' >"$partial/etc/passwd"
  printf 'postgres:x:70:\n' >"$partial/etc/group"
  : >"$partial/complete"
  mv "$partial" "$rootfs"
}

# Prints one line that summarizes the output of mmdebstrap and apt, without addresses.
mmdebstrap_problem() {
  if grep -qiE 'could not resolve|temporary failure|unable to connect|could not connect|network is unreachable|failed to fetch' "$1"; then
    printf 'no network, or the package mirror does not answer'
  elif grep -qiE 'unshare|newuidmap|user namespace|operation not permitted' "$1"; then
    printf 'user namespaces seem to be forbidden here'
  elif grep -qiE 'no space left' "$1" "$1.tar"; then
    printf 'the disk is full'
  else
    printf 'mmdebstrap failed'
  fi
}
