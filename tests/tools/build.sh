#!/bin/sh
# Puts the tools that the tests and the demo start into a cache folder and
# prints that folder.
#
#   build.sh                     what `make test` needs
#   build.sh compat              that, and the other daemons and clients
#   build.sh demo                what `make demo` needs
#   build.sh buildkitd registry  only these ("engine" is Docker Engine)
#   build.sh -n                  only print the folder
#
# Go programs are built from the go.mod beside this script, or, where versions
# exclude each other, from that of a folder beside it. busybox, Docker Engine 20.10
# and a root file system are Debian packages, unpacked into the cache and never
# installed.
# The folder's name holds a hash of each go.mod and go.sum and of this script, so
# that a changed version never meets an old binary. Each program is put in place
# by a rename: an interrupted run continues where it stopped.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
all="buildkitd buildctl buildx registry dockerfile-frontend runc busybox engine engine-29 golangci-lint rootfs"
demo="buildkitd buildx registry dockerfile-frontend runc busybox"
# Each folder buildkit-X.Y is an older daemon.
older=$(cd "$here" && for folder in buildkit-*; do printf 'buildkitd-%s ' "${folder#buildkit-}"; done)
compat="${older}compose"

say() { printf '%s\n' "tools: $*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

cache=${PULLSAFE_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or PULLSAFE_CACHE}/.cache}/pullsafe}
# The order of a pattern's files depends on the locale.
hash=$(LC_ALL=C && export LC_ALL && cat "$here/build.sh" "$here/go.mod" "$here/go.sum" "$here"/*/go.mod "$here"/*/go.sum | sha256sum | cut -c1-16)
dir=$cache/tools/$hash

if [ "${1:-}" = "-n" ]; then
  printf '%s\n' "$dir"
  exit 0
fi

# path_of prints the file whose presence means that the tool $1 is complete.
path_of() {
  case $1 in
    engine | engine-29) printf '%s\n' "$dir/$1/dockerd" ;;
    rootfs) printf '%s\n' "$dir/rootfs.tar" ;;
    *) printf '%s\n' "$dir/$1" ;;
  esac
}

wanted=
# shellcheck disable=SC2086 # a list of names
case $* in
  '') set -- $all ;;
  compat) set -- $all $compat ;;
  demo) set -- $demo ;;
esac
for tool in "$@"; do
  case " $all $compat " in
    *" $tool "*) ;;
    *) die "unknown tool $tool; there are: $all; and $compat" ;;
  esac
  [ -e "$(path_of "$tool")" ] || wanted="$wanted $tool"
done
if [ -z "$wanted" ]; then
  printf '%s\n' "$dir"
  exit 0
fi

have go || die "go is missing: install Go as go.mod names it (https://go.dev/dl/)"
have flock || die "flock is missing: install util-linux (apt-get install util-linux)"
mkdir -p "$dir"
# The second of two runs waits here and then finds the work done.
exec 9>"$dir/.lock"
flock -n 9 || { say "waiting for another build of the tools"; flock 9; }
tmp=$(mktemp -d "$dir/.tmp.XXXXXX")
ticker=
trap 'rm -rf "$tmp"; [ -z "$ticker" ] || kill "$ticker" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# go_build builds package $2 as $1 with the version of module $4 stamped into
# the variable $3; cgo is $5, build tags $6. $versions is the folder of the go.mod,
# $compiler are flags for the compiler.
versions=$here
compiler=
go_build() {
  flags="-s -w"
  if [ -n "$3" ]; then
    version=$(cd "$versions" && GOWORK=off GOFLAGS='' go list -m -f '{{.Version}}' "$4")
    flags="$flags -X $3=${version%+incompatible}"
  fi
  (cd "$versions" && CGO_ENABLED=$5 GOWORK=off GOFLAGS='' go build -mod=readonly -trimpath -tags "${6:-}" -gcflags "$compiler" -ldflags "$flags" -o "$tmp/$1" "$2") ||
    die "building $1 failed"
  mv "$tmp/$1" "$dir/$1"
}

bk=github.com/moby/buildkit
build_one() {
  versions=$here
  case $1 in
    buildkitd | buildctl) go_build "$1" "$bk/cmd/$1" "$bk/version.Version" "$bk" 0 ;;
    dockerfile-frontend) go_build "$1" "$bk/frontend/dockerfile/cmd/dockerfile-frontend" "$bk/version.Version" "$bk" 0 ;;
    registry)
      go_build registry github.com/distribution/distribution/v3/cmd/registry \
        github.com/distribution/distribution/v3/version.version github.com/distribution/distribution/v3 0
      ;;
    buildx)
      go_build buildx github.com/docker/buildx/cmd/buildx \
        github.com/docker/buildx/version.Version github.com/docker/buildx 0
      # A CLI plugin is found by this name.
      mkdir -p "$dir/cli-plugins"
      ln -sf ../buildx "$dir/cli-plugins/docker-buildx"
      ;;
    golangci-lint)
      go_build golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint \
        main.version github.com/golangci/golangci-lint/v2 0
      ;;
    buildkitd-*)
      versions=$here/buildkit-${1#buildkitd-}
      go_build "$1" "$bk/cmd/buildkitd" "$bk/version.Version" "$bk" 0
      ;;
    compose)
      versions=$here/compose
      go_build compose github.com/docker/compose/v5/cmd \
        github.com/docker/compose/v5/internal.Version github.com/docker/compose/v5 0
      mkdir -p "$dir/cli-plugins"
      ln -sf ../compose "$dir/cli-plugins/docker-compose"
      ;;
    engine-29) build_engine ;;
    runc) build_runc ;;
    busybox) get_busybox ;;
    engine) get_engine ;;
    rootfs) get_rootfs ;;
  esac
}

# runc joins namespaces in C before the Go runtime starts, so it needs cgo; and
# BuildKit gives each container a seccomp profile, so it needs libseccomp.
build_runc() {
  if ! have "${CC:-gcc}" && ! have cc; then
    runc_of_machine "a C compiler" "apt-get install gcc libc6-dev"
  elif have pkg-config && pkg-config --exists libseccomp; then
    go_build runc github.com/opencontainers/runc "" "" 1 seccomp
  elif fetch "$tmp/seccomp" libseccomp-dev; then
    # Only the static library stays, so that the program needs no other. Where
    # it lies is said to gcc alone: Go keeps pkg-config's answer in its build
    # cache, past the life of this folder.
    lib=$(dirname "$(find "$tmp/seccomp" -name libseccomp.a)")
    rm -f "$lib"/libseccomp.so*
    cat >"$tmp/pkg-config" <<'PKG'
#!/bin/sh
case "$*" in
  *--libs*) echo -lseccomp ;;
esac
PKG
    chmod 0755 "$tmp/pkg-config"
    export PKG_CONFIG="$tmp/pkg-config" C_INCLUDE_PATH="$tmp/seccomp/usr/include" LIBRARY_PATH="$lib"
    go_build runc github.com/opencontainers/runc "" "" 1 seccomp
    unset PKG_CONFIG C_INCLUDE_PATH LIBRARY_PATH
  else
    runc_of_machine "libseccomp's headers" "apt-get install libseccomp-dev pkg-config"
  fi
}

# runc_of_machine takes a runc from PATH, because $1 is missing, which $2 gets.
runc_of_machine() {
  have runc || die "runc needs $1: $2; or put a runc on PATH (apt-get install runc)"
  say "without $1, taking the runc of this machine"
  cp -L "$(command -v runc)" "$tmp/runc"
  mv "$tmp/runc" "$dir/runc"
}

# build_engine makes Docker Engine with the containerd image store: dockerd starts
# the containerd that it finds on PATH. dockerd comes last, because its presence
# means that all is there.
build_engine() {
  versions=$here/engine-29
  mkdir -p "$tmp/engine-29" "$dir/engine-29"
  c=github.com/containerd/containerd/v2
  for name in containerd containerd-shim-runc-v2; do
    go_build "engine-29/$name" "$c/cmd/$name" "$c/version.Version" "$c" 0
  done
  # The client has no go.mod, so Go takes it for a program of Go 1.16.
  compiler=github.com/docker/cli/cmd/docker=-lang=go1.26
  go_build engine-29/docker github.com/docker/cli/cmd/docker \
    github.com/docker/cli/cli/version.Version github.com/docker/cli 0
  compiler=
  go_build engine-29/dockerd github.com/moby/moby/v2/cmd/dockerd \
    github.com/moby/moby/v2/dockerversion.Version github.com/moby/moby/v2 0
}

# Without this option apt warns that its own user cannot write here.
download() { (cd "$tmp/debs" && apt-get -q -o APT::Sandbox::User=root download "$@" >&2); }

# fetch unpacks the Debian packages named after $1 into the folder $1.
fetch() {
  into=$1
  shift
  have apt-get && have dpkg || return 1
  if ! apt-cache show "$1" >/dev/null 2>&1; then
    say "apt-get update (no package lists on this machine)"
    apt-get update >&2 || die "apt-get update failed: run it as root with a working network"
  fi
  mkdir -p "$tmp/debs" "$into"
  if ! download "$@"; then
    say "apt-get update (this machine's package lists may be old)"
    apt-get -q update >&2 && download "$@" || return 1
  fi
  for deb in "$tmp"/debs/*.deb; do
    dpkg -x "$deb" "$into" || return 1
    rm -f "$deb"
  done
}

# find_in prints the first program called $2 below $1.
find_in() { find "$1" -path '*bin/*' -name "$2" \( -type f -o -type l \) -print 2>/dev/null | head -n 1; }

get_busybox() {
  say "unpacking busybox-static"
  if fetch "$tmp/busybox-deb" busybox-static; then
    cp "$(find_in "$tmp/busybox-deb" busybox)" "$tmp/busybox"
  elif have busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1; then
    cp -L "$(command -v busybox)" "$tmp/busybox"
  else
    die "busybox (static) is missing: apt-get install busybox-static, or put a static busybox on PATH"
  fi
  chmod 0755 "$tmp/busybox"
  mv "$tmp/busybox" "$dir/busybox"
}

engine_binaries="dockerd docker containerd containerd-shim-runc-v2 ctr runc"

get_engine() {
  say "unpacking Docker Engine (docker.io, containerd, runc, tini)"
  mkdir -p "$tmp/engine/lib" "$tmp/engine/libexec"
  if fetch "$tmp/engine-deb" docker.io containerd runc tini; then
    for name in $engine_binaries tini; do
      file=$(find_in "$tmp/engine-deb/usr" "$name")
      # The client is a package of its own in newer releases.
      if [ -z "$file" ] && [ "$name" = docker ] && fetch "$tmp/engine-deb" docker-cli; then
        file=$(find_in "$tmp/engine-deb/usr" docker)
      fi
      [ -n "$file" ] || die "no $name in the packages docker.io, containerd, runc, tini"
      cp -L "$file" "$tmp/engine/$name"
    done
    add_libraries
  else
    for name in $engine_binaries; do
      have "$name" || die "$name is missing: install Docker Engine (apt-get install docker.io), or run on Debian, where it is unpacked without being installed"
      ln -s "$(command -v "$name")" "$tmp/engine/$name"
    done
  fi
  [ ! -e "$tmp/engine/tini" ] || ln -sf tini "$tmp/engine/docker-init"
  rm -rf "$dir/engine"
  mv "$tmp/engine" "$dir/engine"
}

missing_libraries() {
  for name in $engine_binaries; do
    LD_LIBRARY_PATH=$tmp/engine/lib ldd "$tmp/engine/$name" 2>/dev/null || true
  done | grep 'not found' || true
}

# add_libraries unpacks the libraries that the machine lacks, going down the
# packages' dependencies, and wraps the programs so that only they see them.
add_libraries() {
  todo="docker.io containerd runc"
  seen=" "
  for round in 1 2 3 4 5 6; do
    [ -n "$(missing_libraries)" ] || break
    next=
    for package in $todo; do
      for lib in $(apt-cache depends --important "$package" | sed -n 's/^ *|*\(Pre\)*Depends: \(lib[^ ]*\)$/\2/p'); do
        case "$seen" in *" $lib "*) continue ;; esac
        seen="$seen$lib "
        [ "$lib" = libc6 ] || next="$next $lib"
      done
    done
    [ -n "$next" ] || break
    say "unpacking libraries (round $round):$next"
    # shellcheck disable=SC2086 # a list of names
    fetch "$tmp/lib-deb" $next || die "cannot download:$next"
    find "$tmp/lib-deb" -name 'lib*.so*' \( -type f -o -type l \) -exec cp -P {} "$tmp/engine/lib/" \;
    todo=$next
  done
  [ -z "$(missing_libraries)" ] || die "libraries of Docker Engine are missing: $(missing_libraries | tr -s '\n\t ' ' ')"
  if [ -z "$(find "$tmp/engine/lib" -type f | head -n 1)" ]; then
    return 0
  fi
  for name in dockerd runc; do
    mv "$tmp/engine/$name" "$tmp/engine/libexec/$name"
    {
      printf '#!/bin/sh\n'
      # shellcheck disable=SC2016 # expanded when the wrapper runs
      printf 'here=$(dirname -- "$0")\n'
      # shellcheck disable=SC2016
      printf 'LD_LIBRARY_PATH=$here/lib exec "$here/libexec/%s" "$@"\n' "$name"
    } >"$tmp/engine/$name"
    chmod 0755 "$tmp/engine/$name"
  done
}

# get_rootfs makes a small Debian with a shell, git and file: the project's own
# Dockerfile is built on it. No script of a package runs.
get_rootfs() {
  if ! have apt-get || ! have dpkg-deb; then
    say "no root file system without apt-get and dpkg-deb: tests/selfbuild is skipped"
    return 0
  fi
  say "unpacking a root file system (coreutils, git, file)"
  root=$tmp/rootfs
  mkdir -p "$tmp/rootfs-debs/partial" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/root" "$root/etc"
  mkdir -m 1777 "$root/tmp"
  : >"$tmp/status"
  # As if nothing was installed, so that the packages' libraries come too.
  get_packages() {
    apt-get -qq -y -o APT::Sandbox::User=root -o APT::Install-Recommends=0 -o Debug::NoLocking=1 \
      -o Dir::State::status="$tmp/status" -o Dir::Cache::archives="$tmp/rootfs-debs" \
      --download-only install dash coreutils findutils grep sed gzip tar git file ca-certificates >&2
  }
  if ! get_packages; then
    say "apt-get update (this machine's package lists may be old)"
    apt-get -q update >&2 && get_packages || die "cannot download the packages of the root file system"
  fi
  for name in bin sbin lib lib64; do
    mkdir -p "$root/usr/$name"
    ln -s "usr/$name" "$root/$name"
  done
  for deb in "$tmp"/rootfs-debs/*.deb; do
    # The packages' /bin goes where the link leads. Of Perl only git's helpers
    # would have use.
    dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root" --exclude './usr/share/doc/*' \
      --exclude './usr/share/man/*' --exclude './usr/share/locale/*' --exclude './usr/share/perl/*' --exclude './usr/lib/*/perl/*' ||
      die "cannot unpack $deb"
  done
  [ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
  tar -c -C "$root" --sort=name --numeric-owner -f "$tmp/rootfs.tar" .
  mv "$tmp/rootfs.tar" "$dir/rootfs.tar"
}

# tick tells every 20 seconds that the tool $1 is still being made, or the first
# build, which takes minutes, would look as if it hung. It ends with this script.
tick() {
  trap 'kill "$nap" 2>/dev/null; exit 0' TERM
  while kill -0 $$ 2>/dev/null; do
    sleep 20 >/dev/null 2>&1 &
    nap=$!
    wait "$nap"
    say "$1: $(($(date +%s) - started)) s so far"
  done
}

number=0
for tool in $wanted; do
  number=$((number + 1))
  # Another run may have made it while this one waited for the lock.
  [ ! -e "$(path_of "$tool")" ] || continue
  started=$(date +%s)
  say "$tool ($number of $(printf '%s\n' "$wanted" | wc -w))"
  tick "$tool" 9>&- &
  ticker=$!
  build_one "$tool"
  kill "$ticker" 2>/dev/null || true
  say "$tool: done in $(($(date +%s) - started)) s"
done
printf '%s\n' "$dir"
