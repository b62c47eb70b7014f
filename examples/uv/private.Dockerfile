# syntax=org/pullsafe:1

# A private image: it can be pulled only with credentials that may read it.
FROM python:3.13-slim-trixie
COPY --from=ghcr.io/acme/private-tools:1 /tool /bin/
