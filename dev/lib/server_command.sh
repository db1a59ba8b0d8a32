# shellcheck shell=bash
# The third way, second half: builds the command lines that run a program of PostgreSQL 17
# natively or in the sandbox.

# Sets sandbox_proc. Some containers forbid mounting a new /proc, and PostgreSQL works
# without one.
prepare_sandbox() {
  sandbox_proc=(--proc /proc)
  sandbox_starts && return
  sandbox_proc=()
  sandbox_starts ||
    die "user namespaces are forbidden here, and the sandbox needs them: allow them (sysctl kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0, or run the container with --security-opt seccomp=unconfined), or set DATABASE_URL and TIMESCALEDB_URL"
}

sandbox_starts() {
  sandbox_command /tmp /bin/dash -c :
  with_deadline 10 "${pg_command[@]}" >/dev/null 2>&1
}

# Sets pg_command. The first argument is the folder that is mounted as /data in the sandbox.
sandbox_command() {
  local data=$1
  shift
  pg_command=(bwrap --unshare-user --uid 70 --gid 70 --unshare-pid --unshare-ipc --unshare-cgroup-try
    --ro-bind "$rootfs" / --dev /dev "${sandbox_proc[@]}" --tmpfs /tmp --bind "$data" /data --chdir /
    --clearenv --setenv PATH "$pg_home/bin:/usr/bin:/bin" --setenv LANG C.UTF-8 --setenv HOME /tmp
    --setenv LOCPATH /data/locale
    --as-pid-1 "$@")
}

# PostgreSQL refuses to run as root. In a user namespace it sees another user id, and the files
# still belong to root. If namespaces are forbidden, it runs as the user postgres.
prepare_native() {
  native_user=()
  native_owner=
  [ "$(id -u)" = 0 ] || return 0
  id postgres >/dev/null 2>&1 || die "PostgreSQL 17 is there but the user postgres is not: reinstall the package postgresql-common"
  native_user=(unshare --user "--map-user=$(id -u postgres)" "--map-group=$(id -g postgres)")
  with_deadline 10 "${native_user[@]}" true >/dev/null 2>&1 && return
  native_user=(setpriv --reuid=postgres --regid=postgres --clear-groups)
  native_owner=postgres:postgres
  with_deadline 10 "${native_user[@]}" test -x "$project_dir" ||
    die "PostgreSQL does not run as root, and the user postgres may not enter $project_dir: run dev/databases as an ordinary user"
}

# pg_program DATA PROGRAM ARGS...: sets pg_command. pg_data prints the name of the data folder
# for that command. A test may put its own languages into the subfolder locale.
pg_program() {
  local data=$1 program=$2
  shift 2
  if [ "$pg_runs" = sandbox ]; then
    sandbox_command "$data" "$pg_home/bin/$program" "$@"
  else
    pg_command=(env -i "PATH=$pg_home/bin:/usr/bin:/bin" LANG=C.UTF-8 "LOCPATH=$data/locale"
      "${native_user[@]}" "$pg_home/bin/$program" "$@")
  fi
}

# pg_server_program lasting|passing|kept DATA ARGS...: sets pg_command to the server. In the
# sandbox the server's process id is reported on descriptor 6.
pg_server_program() {
  local life=$1 data=$2
  shift 2
  if [ "$pg_runs" = sandbox ]; then
    pg_program "$data" postgres "$@"
    local -a how=(--info-fd 6)
    [ "$life" != passing ] || how+=(--die-with-parent)
    pg_command=("${pg_command[0]}" "${how[@]}" "${pg_command[@]:1}")
  elif [ "$life" = passing ]; then
    # setpriv comes last before the server, since a change of the user would undo it.
    local -a user=("${native_user[@]}")
    native_user+=(setpriv --pdeathsig QUIT)
    pg_program "$data" postgres "$@"
    native_user=("${user[@]}")
  else
    pg_program "$data" postgres "$@"
  fi
}

pg_data() {
  if [ "$pg_runs" = sandbox ]; then printf /data; else printf '%s' "$1"; fi
}
