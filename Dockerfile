# The service alone: `python -m travelbuddy` beside a sidecar. See docs/compose.md.
ARG PYTHON=3.13.5-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /app
ENV UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1
RUN pip install --no-cache-dir --root-user-action=ignore uv==0.13.9
# The packages first: they change less often than the code.
COPY pyproject.toml uv.lock README.md ./
RUN --mount=type=cache,target=/root/.cache/uv uv sync --frozen --no-dev --no-install-project
COPY src ./src
# Built anew: uv looks at pyproject.toml alone to tell whether the package in its cache is this one.
RUN --mount=type=cache,target=/root/.cache/uv uv sync --frozen --no-dev --no-editable --reinstall-package travelbuddy

FROM python:${PYTHON} AS runtime
LABEL org.opencontainers.image.title="travelbuddy" \
      org.opencontainers.image.description="A travel agent that never loses a message, as a Dapr workflow behind FastAPI" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 travelbuddy \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin travelbuddy
WORKDIR /app
COPY --from=build /app/.venv ./.venv
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=1 \
    APP_HOST=0.0.0.0 \
    AUDIT_LOG=stdout \
    LOG_FORMAT=json
USER 10001:10001
EXPOSE 8001
# Alive; whether turns are worked on is /ready.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8001/health', timeout=2)"]
# SIGTERM is a drain: DRAIN_SECONDS and three more.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "travelbuddy"]
