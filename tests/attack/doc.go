// Package attack holds what a hostile registry, Dockerfile, log or configuration must
// not get through: inputs that once did. What is fast is part of make test; make attack
// runs all of it, with the fuzz targets for longer. The generators of large inputs are
// in internal/attack.
package attack
