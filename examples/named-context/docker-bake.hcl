# The same Dockerfile, with the frontend from elsewhere. The name of a context is
# the reference of the syntax line, or of a FROM or COPY --from, as it stands there.

group "default" {
  targets = ["from-layout", "from-registry"]
}

# The frontend as a folder (an OCI layout) that came over on a disk.
target "from-layout" {
  contexts = {
    "org/pullsafe:1"              = "oci-layout://./pullsafe:1"
    "ghcr.io/astral-sh/uv:0.9.5"  = "docker-image://registry.example.com/mirror/uv:0.9.5"
  }
}

# The frontend from the registry of this network.
target "from-registry" {
  contexts = {
    "org/pullsafe:1"              = "docker-image://registry.example.com/mirror/pullsafe:1"
    "ghcr.io/astral-sh/uv:0.9.5"  = "docker-image://registry.example.com/mirror/uv:0.9.5"
  }
}
