#!/bin/sh
# Puts the proxies, registries and credential helpers of tests/field into a cache
# folder.
#
#   build.sh              what the part of tests/field in `make test` needs
#   build.sh field        that, and what `make field` needs
#   build.sh caddy        only these
#   build.sh -n caddy     only print the folder of one
#
# Debian packages are unpacked with all that they depend on into the root file
# system that the programs see, so that nothing is installed and no library of the
# machine matters; no script of a package runs. Go programs are built from the
# go.mod of a folder beside this script.
#
# Each tool has a folder of its own, whose name holds a hash of its go.mod and
# go.sum, of its packages, or of both: a change of one rebuilds no other. It is put
# in place by a rename.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
fast="debian pass"
all="$fast debian-more caddy gitea olareg zot gcr ecr-login acr-env secretservice"

# Raise it when a change of this script changes what a tool is.
recipe=1

# Without the first line there is no shell.
base="bash dash coreutils findutils grep sed util-linux"
packages() {
  case $1 in
    debian) echo "$base nginx haproxy pass gnupg" ;;
    # Varnish compiles its configuration, so it brings gcc.
    debian-more) echo "$base nginx haproxy varnish apache2-bin docker-registry golang-docker-credential-helpers dbus dbus-bin gnome-keyring" ;;
    # What it is compiled with; it runs in debian-more.
    secretservice) echo libsecret-1-dev ;;
  esac
}

say() { printf '%s\n' "field tools: $*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

cache=${PULLSAFE_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or PULLSAFE_CACHE}/.cache}/pullsafe}/tools/field

# module prints the folder of a Go program's go.mod.
module() {
  case $1 in
    caddy | gitea | olareg | zot) echo "$here/$1" ;;
    *) echo "$here/helpers" ;;
  esac
}

folder_of() {
  case $1 in
    debian*) key=$(printf '%s\n' "$recipe $(packages "$1")" | sha256sum) ;;
    secretservice) key=$({ echo "$recipe $(packages "$1")" && cat "$(module "$1")/go.mod" "$(module "$1")/go.sum"; } | sha256sum) ;;
    *) key=$({ echo "$recipe" && cat "$(module "$1")/go.mod" "$(module "$1")/go.sum"; } | sha256sum) ;;
  esac
  printf '%s\n' "$cache/$1-$(printf '%s' "$key" | cut -c1-16)"
}

known() {
  case " $all " in
    *" $1 "*) ;;
    *) die "unknown tool $1; there are: $all" ;;
  esac
}

if [ "${1:-}" = "-n" ]; then
  known "${2:?name a tool}"
  folder_of "$2"
  exit 0
fi

# shellcheck disable=SC2086 # a list of names
case $* in
  '') set -- $fast ;;
  field) set -- $all ;;
esac
wanted=
for tool in "$@"; do
  known "$tool"
  [ -e "$(folder_of "$tool")" ] || wanted="$wanted $tool"
done
[ -n "$wanted" ] || exit 0

have flock || die "flock is missing: install util-linux (apt-get install util-linux)"
mkdir -p "$cache"
# The second of two runs waits here and then finds the work done.
exec 9>"$cache/.lock"
flock -n 9 || { say "waiting for another build of the tools"; flock 9; }
tmp=$(mktemp -d "$cache/.tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# go_build builds package $2 of the module of $1 as docker-credential-$1, or as $3;
# cgo is $4, build tags $5.
go_build() {
  have go || die "go is missing: install Go as go.mod names it (https://go.dev/dl/)"
  say "building $1"
  mkdir "$tmp/$1"
  (cd "$(module "$1")" && CGO_ENABLED=${4:-0} GOWORK=off GOFLAGS='' go build -mod=readonly -trimpath -tags "${5:-}" -ldflags '-s -w' -o "$tmp/$1/${3:-docker-credential-$1}" "$2") ||
    die "building $1 failed"
}

# build_secretservice compiles with the headers and libraries of Debian packages, so
# that those of the machine do not matter. The compiler is told where they lie; of
# pkg-config's answer, which Go keeps past the life of that folder, it is no part.
build_secretservice() {
  need_compiler "The helper for secretservice"
  unpack secretservice "$tmp/sysroot"
  config=$(cd "$tmp/sysroot" && find usr/lib -name glibconfig.h)
  [ -n "$config" ] || die "the packages have no glibconfig.h"
  # gcc takes a leading "=" for its sysroot.
  cat >"$tmp/pkg-config" <<PKG
#!/bin/sh
case "\$*" in
  *--cflags*) echo -I=/usr/include/libsecret-1 -I=/usr/include/glib-2.0 -I=/$(dirname "$config") ;;
  *--libs*) echo -lsecret-1 -lgio-2.0 -lgobject-2.0 -lglib-2.0 ;;
esac
PKG
  chmod 0755 "$tmp/pkg-config"
  (
    export PKG_CONFIG="$tmp/pkg-config" CC="${CC:-gcc} --sysroot=$tmp/sysroot"
    go_build secretservice github.com/docker/docker-credential-helpers/secretservice/cmd "" 1
  )
}

# need_compiler wants what cgo needs, for the program $1.
need_compiler() {
  have "${CC:-gcc}" || have cc || die "$1 needs a C compiler: apt-get install gcc libc6-dev"
}

# get_packages asks for packages as if nothing was installed, so that all that they
# depend on comes too.
get_packages() {
  # shellcheck disable=SC2046 # a list of names
  apt-get -qq -y -o APT::Sandbox::User=root -o APT::Install-Recommends=0 -o Debug::NoLocking=1 \
    -o Dir::State::status="$tmp/status" -o Dir::Cache::archives="$tmp/debs" \
    --download-only install $(packages "$1") >&2
}

# unpack makes the root file system $2 of the packages of $1.
unpack() {
  have apt-get && have dpkg-deb || die "the proxies of tests/field are Debian packages: run it on Debian, or a relative of it"
  say "unpacking $1: $(packages "$1")"
  root=$2
  rm -rf "$tmp/debs"
  mkdir -p "$tmp/debs/partial" "$root/proc" "$root/dev" "$root/run" "$root/tmp" "$root/lab" "$root/etc"
  : >"$tmp/status"
  if ! get_packages "$1"; then
    say "apt-get update (this machine's package lists may be old)"
    apt-get -q update >&2 && get_packages "$1" || die "cannot download the packages"
  fi
  for name in bin sbin lib lib64; do
    mkdir -p "$root/usr/$name"
    ln -s "usr/$name" "$root/$name"
  done
  for deb in "$tmp"/debs/*.deb; do
    # The packages' /bin goes where the link leads.
    dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root" --exclude './usr/share/doc/*' \
      --exclude './usr/share/man/*' --exclude './usr/share/locale/*' || die "cannot unpack $deb"
  done
  [ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
  printf 'root:x:0:0:root:/lab:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
  printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
  # Without it D-Bus fails before it has looked for a bus.
  printf '%032d\n' 1 >"$root/etc/machine-id"
}

build_one() {
  case $1 in
    debian*) unpack "$1" "$tmp/$1" ;;
    caddy) go_build caddy github.com/caddyserver/caddy/v2/cmd/caddy caddy ;;
    gitea)
      # Its database is SQLite, which is C.
      need_compiler Gitea
      go_build gitea code.gitea.io/gitea gitea 1 "sqlite sqlite_unlock_notify"
      static=$(cd "$(module gitea)" && GOWORK=off GOFLAGS='' go list -m -f '{{.Dir}}' code.gitea.io/gitea)
      cp -r "$static/templates" "$static/options" "$static/public" "$tmp/gitea/"
      chmod -R u+w "$tmp/gitea"
      ;;
    olareg) go_build olareg github.com/olareg/olareg/cmd/olareg olareg ;;
    # The tag picks an OpenPGP library that is not C.
    zot) go_build zot zotregistry.io/zot/cmd/zot zot 0 containers_image_openpgp ;;
    secretservice) build_secretservice ;;
    pass) go_build pass github.com/docker/docker-credential-helpers/pass/cmd ;;
    gcr) go_build gcr github.com/GoogleCloudPlatform/docker-credential-gcr/v2 ;;
    ecr-login) go_build ecr-login github.com/awslabs/amazon-ecr-credential-helper/ecr-login/cli/docker-credential-ecr-login ;;
    acr-env) go_build acr-env github.com/chrismellard/docker-credential-acr-env ;;
  esac
  mv "$tmp/$1" "$(folder_of "$1")"
}

for tool in $wanted; do
  # Another run may have made it while this one waited for the lock.
  [ -e "$(folder_of "$tool")" ] || build_one "$tool"
done
