# Two stages: wheels are built and installed into one folder, then only that folder is carried over.
# tests/docs/test_dockerfile.py runs the build stage's RUN line, as it stands here, in a folder of its own.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY watcher ./watcher
RUN python -m pip wheel --no-cache-dir --wheel-dir /wheels ".[articles,pictures,postgres]" && \
    python -m venv /opt/watcher && \
    /opt/watcher/bin/python -m pip install --no-cache-dir --no-index --find-links /wheels "policy-watcher[articles,pictures,postgres]"

FROM python:3.12-slim
LABEL org.opencontainers.image.title="watcher" \
      org.opencontainers.image.description="Watch policy news and tell people when a watch item changes state" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH="/opt/watcher/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WATCHER_CONFIG=/app/config/watcher.yaml \
    WATCHER_DATABASE=sqlite:////data/watcher.db \
    WATCHER_HOST=0.0.0.0 \
    WATCHER_PORT=9464
COPY --from=build /opt/watcher /opt/watcher
COPY config /app/config
COPY seeds /app/seeds
# The database is all that is written; the rest of the file system may be read-only.
RUN install -d -o 10001 -g 10001 /data
VOLUME /data
WORKDIR /app
USER 10001:10001
EXPOSE 9464
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['WATCHER_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["watcher"]
CMD ["run"]
