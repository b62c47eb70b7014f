# One line for the whole repository: the frontend of every target.
variable "SYNTAX" {
  default = "org/pullsafe:1"
}

# CI sets it: there an image that can be pulled only without the stored credentials
# is an error, so that they get renewed. On a developer's machine it is a warning.
variable "PULLSAFE_STRICT" {
  default = "false"
}

variable "TAG" {
  default = "dev"
}

target "_common" {
  args = {
    BUILDKIT_SYNTAX = SYNTAX
    PULLSAFE_STRICT = PULLSAFE_STRICT
  }
}

group "default" {
  targets = ["api", "web"]
}

target "api" {
  inherits = ["_common"]
  context  = "api"
  tags     = ["registry.example.com/shop/api:${TAG}"]
}

target "web" {
  inherits = ["_common"]
  context  = "web"
  tags     = ["registry.example.com/shop/web:${TAG}"]
}
