# lwm2m-fleet as a container. Runs and their reports are written to /data:
#
#   docker build -t lwm2m-fleet .
#   docker run --rm --network host -v "$PWD/runs:/data" lwm2m-fleet run first.toml --out /data/first
#
# With the host's network the devices reach a server on this machine under 127.0.0.1, and no address translation stands
# between them and the server.
FROM python:3.11-slim-bookworm AS build

WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/lwm2m-fleet \
    && /opt/lwm2m-fleet/bin/pip install --no-cache-dir --quiet -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY simulator simulator
COPY reports reports
# What only developers need is left out of the image.
RUN /opt/lwm2m-fleet/bin/pip install --no-cache-dir --quiet --no-deps --no-build-isolation . \
    && /opt/lwm2m-fleet/bin/pip uninstall --quiet --yes \
        mypy ruff pytest-asyncio pytest-timeout pytest-xdist hypothesis import-linter pandas-stubs pyyaml types-gevent

FROM python:3.11-slim-bookworm

COPY --from=build /opt/lwm2m-fleet /opt/lwm2m-fleet
COPY scenarios /scenarios
RUN useradd --system --uid 10001 fleet && install -d -o fleet /data
USER fleet
WORKDIR /scenarios
ENTRYPOINT ["/opt/lwm2m-fleet/bin/lwm2m-fleet"]
CMD ["--help"]
