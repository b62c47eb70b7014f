# syntax=docker/dockerfile:1

ARG GO_VERSION=1.26
ARG ALPINE_VERSION=3.23
ARG XX_VERSION=1.9.0

FROM --platform=$BUILDPLATFORM tonistiigi/xx:${XX_VERSION} AS xx

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-alpine${ALPINE_VERSION} AS base
COPY --from=xx / /
RUN apk add --no-cache file git
ENV CGO_ENABLED=0
WORKDIR /src

# The version of a release is its tag, and the tag must agree with the source. A
# channel has the build tags of upstream's image of the same name.
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
  echo "${BUILDTAGS} $(cat "$tags")" | tee /tmp/.buildtags
  version=$(git describe --match 'v[0-9]*' --dirty='.m' --always --tags)
  revision=$(git rev-parse HEAD)
  pkg=github.com/org/pullsafe/version
  echo "-s -w -X ${pkg}.Version=${version} -X ${pkg}.Revision=${revision} -X ${pkg}.Channel=${CHANNEL}" | tee /tmp/.ldflags
EOT

FROM base AS build
ARG TARGETPLATFORM
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/root/.cache \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=bind,from=version,source=/tmp/.ldflags,target=/tmp/.ldflags \
    --mount=type=bind,from=version,source=/tmp/.buildtags,target=/tmp/.buildtags <<EOT
  set -ex
  xx-go build -trimpath -tags "$(cat /tmp/.buildtags)" -ldflags "$(cat /tmp/.ldflags)" -o /out/pullsafe-frontend ./cmd/pullsafe-frontend
  xx-verify --static /out/pullsafe-frontend
EOT

FROM scratch AS frontend
LABEL moby.buildkit.frontend.network.none="true"
LABEL moby.buildkit.frontend.caps="moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts,moby.buildkit.frontend.gitquerystring,moby.buildkit.frontend.contexts.zstd"
COPY --link --from=build /out/pullsafe-frontend /bin/pullsafe-frontend
ENTRYPOINT ["/bin/pullsafe-frontend"]
