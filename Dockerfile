# syntax=docker/dockerfile:1
# One image for worker, Flower, console and sandbox; docker-compose.yml says which of them runs. It needs nothing to be
# writable but /tmp, and no rights: docker run --read-only --tmpfs /tmp --cap-drop ALL --init …
FROM python:3.13.9-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN ["python", "-m", "venv", "/opt/forwarder"]
COPY requirements.lock ./
# What is locked with its hash, as wheels: nothing is compiled, and nothing comes that was not tested.
RUN ["/opt/forwarder/bin/pip", "install", "--require-hashes", "--only-binary", ":all:", "-r", "requirements.lock"]
COPY pyproject.toml README.md ./
COPY producers producers
COPY worker worker
COPY ops/flower ops/flower
RUN ["/opt/forwarder/bin/pip", "install", "--no-deps", "--no-build-isolation", "."]
# The image that runs installs nothing.
RUN ["/opt/forwarder/bin/pip", "uninstall", "--yes", "setuptools", "pip"]

FROM python:3.13.9-slim-bookworm
# A number, so that Kubernetes can see that it is not root's; a folder of its own, since Celery puts the current one
# on its path.
RUN ["useradd", "--system", "--uid", "10001", "--no-log-init", "--home-dir", "/var/lib/forwarder", "--create-home", "forwarder"]
COPY --from=build /opt/forwarder /opt/forwarder
ENV PATH=/opt/forwarder/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FORWARDER_LOG_FORMAT=json
WORKDIR /var/lib/forwarder
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=8s --start-period=30s --retries=3 CMD ["forwarder", "health", "--here"]
CMD ["celery", "-A", "worker", "worker", "-E"]
