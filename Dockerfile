# One image for worker, Flower and sandbox; compose says which of them runs.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/forwarder
COPY requirements.lock ./
RUN /opt/forwarder/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY producers producers
COPY worker worker
RUN /opt/forwarder/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --no-create-home forwarder
COPY --from=build /opt/forwarder /opt/forwarder
ENV PATH=/opt/forwarder/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /tmp
USER forwarder
CMD ["celery", "-A", "worker", "worker", "-E"]
