# ORG is whoever publishes the image.
variable "ORG" {
  default = "org"
}

variable "TAG" {
  default = "local"
}

# Where the files go: DESTDIR/build, DESTDIR/release, DESTDIR/coverage.
variable "DESTDIR" {
  default = "./bin"
}

# Special target: https://github.com/docker/metadata-action#bake-definition
target "meta-helper" {
  tags = ["${ORG}/pullsafe:${TAG}"]
}

target "_common" {
  args = {
    BUILDKIT_CONTEXT_KEEP_GIT_DIR = 1
  }
}

group "default" {
  targets = ["frontend", "plugin"]
}

target "frontend" {
  inherits = ["_common", "meta-helper"]
  target   = "frontend"
  output   = ["type=docker"]
}

# What is published: with the time of the commit in SOURCE_DATE_EPOCH, the images
# come out the same wherever they are built (docs/releases.md).
target "frontend-cross" {
  inherits  = ["frontend"]
  output    = ["type=image,rewrite-timestamp=true"]
  platforms = ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le", "linux/riscv64", "linux/s390x"]
}

# The channel "labs", with upstream's build tags for it. A release tags it
# VERSION-labs, so it names its tags itself.
target "frontend-labs" {
  inherits = ["frontend"]
  args     = { CHANNEL = "labs" }
  tags     = ["${ORG}/pullsafe:${TAG}-labs"]
}

target "frontend-labs-cross" {
  inherits = ["frontend-cross", "frontend-labs"]
  output   = ["type=image,rewrite-timestamp=true"]
}

# Both channels.
group "frontends" {
  targets = ["frontend", "frontend-labs"]
}

group "frontends-cross" {
  targets = ["frontend-cross", "frontend-labs-cross"]
}

# The Docker CLI plugin.
target "plugin" {
  inherits  = ["_common"]
  target    = "plugin"
  output    = ["${DESTDIR}/build"]
  platforms = ["local"]
}

# One folder a platform.
target "plugin-cross" {
  inherits  = ["plugin"]
  output    = ["${DESTDIR}/release"]
  platforms = [
    "linux/amd64", "linux/arm64", "linux/arm/v7", "linux/ppc64le", "linux/riscv64", "linux/s390x",
    "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64",
  ]
}

# deb, rpm, apk and archives of what plugin-cross has built, and their checksums.
target "packages" {
  inherits = ["_common"]
  target   = "packages"
  contexts = { programs = "${DESTDIR}/release" }
  output   = ["${DESTDIR}/packages"]
}

# The images and programs of a release.
group "release" {
  targets = ["frontends-cross", "plugin-cross"]
}

group "validate" {
  targets = ["lint", "validate-dockerfile"]
}

target "lint" {
  inherits = ["_common"]
  target   = "lint"
  output   = ["type=cacheonly"]
}

target "validate-dockerfile" {
  inherits = ["_common"]
  call     = "check"
}

target "test" {
  inherits = ["_common"]
  target   = "test"
  output   = ["${DESTDIR}/coverage"]
}

# Each example is built with the frontend of this checkout, not a published one.
group "examples" {
  targets = ["example"]
}

target "example" {
  name     = "example-${dir}"
  matrix   = { dir = ["coolify", "multi-registry", "named-context", "private-and-public", "uv"] }
  context  = "examples/${dir}"
  args     = { BUILDKIT_SYNTAX = "pullsafe_frontend" }
  contexts = { pullsafe_frontend = "target:frontend" }
  output   = ["type=cacheonly"]
}
