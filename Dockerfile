# syntax=docker/dockerfile:1.28.0@sha256:bb22d9815c728170f72750f4e5b0d672e06176142e1d602c7e66c050100b7e5b

# Each image by tag and digest; `make pin` writes the digests of the tags anew.
FROM --platform=$BUILDPLATFORM tonistiigi/xx:1.9.0@sha256:c64defb9ed5a91eacb37f96ccc3d4cd72521c4bd18d5442905b95e2226b0e707 AS xx

# The compiler decides what comes out: the exact version, that of go.mod.
FROM --platform=$BUILDPLATFORM golang:1.26.8-alpine3.23@sha256:a8fa79c5bd40d880b52bd3b6d7669ecdcfd00e85facdd427d279efb5ddd79cb1 AS base
COPY --from=xx / /
RUN apk add --no-cache file git
ENV CGO_ENABLED=0
WORKDIR /src

# The version of a release is its tag, and the tag must agree with the source;
# before the first tag it is what the source says. ".m" marks a checkout that was
# modified. A channel has the build tags of upstream's image of the same name; without
# gRPC's traces (grpcnotrace), which nobody can see here, the program is a fifth smaller.
FROM base AS version
ARG CHANNEL=mainline
ARG BUILDTAGS
RUN --mount=type=bind,target=. <<EOT
  set -e
  tags=cmd/pullsafe-frontend/release/${CHANNEL}/tags
  if [ ! -f "$tags" ]; then
    echo "no channel ${CHANNEL}: there are" cmd/pullsafe-frontend/release/* >&2
    exit 1
  fi
  echo "grpcnotrace ${BUILDTAGS} $(cat "$tags")" | tee /tmp/.buildtags
  if [ ! -e .git ]; then
    echo "no .git in the build context: of a Git URL it is kept by BUILDKIT_CONTEXT_KEEP_GIT_DIR=1" >&2
    exit 1
  fi
  git config --global --add safe.directory /src
  pkg=github.com/org/pullsafe/version
  sed -n 's/^[[:space:]]*Version[[:space:]]*= "\(.*\)"$/\1/p' version/version.go >/tmp/.version
  flags="-s -w -X ${pkg}.Channel=${CHANNEL}"
  flags="$flags -X ${pkg}.Revision=$(git describe --always --exclude '*' --abbrev=40 --dirty=.m)"
  if version=$(git describe --tags --match 'v[0-9]*' --dirty=.m 2>/dev/null); then
    flags="$flags -X ${pkg}.Version=$version"
    echo "$version" >/tmp/.version
  fi
  echo "$flags" | tee /tmp/.ldflags
EOT

FROM base AS build-frontend
ARG TARGETPLATFORM
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/root/.cache \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=bind,from=version,source=/tmp/.ldflags,target=/tmp/.ldflags \
    --mount=type=bind,from=version,source=/tmp/.buildtags,target=/tmp/.buildtags <<EOT
  set -ex
  xx-go build -trimpath -buildvcs=false -tags "$(cat /tmp/.buildtags)" -ldflags "$(cat /tmp/.ldflags)" -o /out/bin/pullsafe-frontend ./cmd/pullsafe-frontend
  xx-verify --static /out/bin/pullsafe-frontend
  mkdir /out/licenses
  gzip -9 -n <cmd/pullsafe-frontend/LICENSES.txt >/out/licenses/LICENSES.txt.gz
EOT

FROM base AS build-plugin
ARG TARGETPLATFORM
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/root/.cache \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=bind,from=version,source=/tmp/.ldflags,target=/tmp/.ldflags <<EOT
  set -ex
  xx-go build -trimpath -buildvcs=false -ldflags "$(cat /tmp/.ldflags)" -o /out/docker-pullsafe ./cmd/docker-pullsafe
  xx-verify --static /out/docker-pullsafe
EOT

# At the version of tests/tools/go.mod, which is that of `make lint`.
FROM base AS golangci-lint
RUN --mount=type=bind,source=tests/tools,target=/src \
    --mount=type=cache,target=/root/.cache \
    --mount=type=cache,target=/go/pkg/mod \
    go build -trimpath -buildvcs=false -o /usr/bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

FROM base AS lint
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/root/.cache \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=bind,from=golangci-lint,source=/usr/bin/golangci-lint,target=/usr/bin/golangci-lint \
    golangci-lint run ./... && cd tests && golangci-lint run ./...

# Without what starts a daemon: that needs root in a machine of its own (make test).
FROM base AS unit-test
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/root/.cache \
    --mount=type=cache,target=/go/pkg/mod \
    go test -short -coverprofile=/tmp/coverage.txt ./...

FROM scratch AS test
COPY --from=unit-test /tmp/coverage.txt /coverage.txt

FROM scratch AS plugin-unix
COPY --link --from=build-plugin /out/docker-pullsafe /docker-pullsafe

FROM plugin-unix AS plugin-linux
FROM plugin-unix AS plugin-darwin

FROM scratch AS plugin-windows
COPY --link --from=build-plugin /out/docker-pullsafe /docker-pullsafe.exe

FROM plugin-${TARGETOS} AS plugin

# The bake target "packages" puts the programs of all platforms in its place.
FROM scratch AS programs

FROM base AS build-packages
ARG SOURCE_DATE_EPOCH
RUN --mount=type=bind,target=. \
    --mount=type=bind,from=programs,target=/programs \
    --mount=type=cache,target=/root/.cache \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=bind,from=version,source=/tmp/.version,target=/tmp/.version \
    go -C .ci/packages run -buildvcs=false . -version "$(cat /tmp/.version)" -binaries /programs -source /src -output /out

FROM scratch AS packages
COPY --from=build-packages /out /

FROM scratch AS frontend
ARG CHANNEL=mainline
# The Dockerfile frontend inside, as upstream tags it: X.Y.Z, X.Y.Z-labs.
ARG DOCKERFILE_VERSION=1.28.0-${CHANNEL}
LABEL io.github.org.pullsafe.dockerfile.version="${DOCKERFILE_VERSION%-mainline}"
LABEL moby.buildkit.frontend.network.none="true"
LABEL moby.buildkit.frontend.caps="moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts,moby.buildkit.frontend.gitquerystring,moby.buildkit.frontend.contexts.zstd"
COPY --link --from=build-frontend /out /
ENTRYPOINT ["/bin/pullsafe-frontend"]
