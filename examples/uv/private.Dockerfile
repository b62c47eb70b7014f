# syntax=org/pullsafe:1

# An image that is not public: nothing can be had without a login that may read it.
FROM python:3.13-slim-trixie
COPY --from=ghcr.io/acme/private-tools:1 /tool /bin/
