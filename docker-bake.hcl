variable "GO_VERSION" {
  default = null
}

# ORG is whoever publishes the image.
variable "ORG" {
  default = "org"
}

variable "TAG" {
  default = "local"
}

# Special target: https://github.com/docker/metadata-action#bake-definition
target "meta-helper" {
  tags = ["${ORG}/pullsafe:${TAG}"]
}

target "_common" {
  args = {
    GO_VERSION                    = GO_VERSION
    BUILDKIT_CONTEXT_KEEP_GIT_DIR = 1
  }
}

group "default" {
  targets = ["frontend"]
}

target "frontend" {
  inherits = ["_common", "meta-helper"]
  target   = "frontend"
  output   = ["type=docker"]
}

target "frontend-cross" {
  inherits  = ["frontend"]
  output    = ["type=image"]
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
  output   = ["type=image"]
}

# Both channels.
group "frontends" {
  targets = ["frontend", "frontend-labs"]
}

group "frontends-cross" {
  targets = ["frontend-cross", "frontend-labs-cross"]
}

group "validate" {
  targets = ["validate-dockerfile"]
}

target "validate-dockerfile" {
  inherits = ["_common"]
  call     = "check"
}

# Each example is built with the frontend of this checkout, not a published one.
group "examples" {
  targets = ["example"]
}

target "example" {
  name     = "example-${dir}"
  matrix   = { dir = ["uv", "multi-registry", "coolify"] }
  context  = "examples/${dir}"
  args     = { BUILDKIT_SYNTAX = "pullsafe_frontend" }
  contexts = { pullsafe_frontend = "target:frontend" }
  output   = ["type=cacheonly"]
}
