# The whole project in an image, built from the lock: it serves (the default), runs the month, and is MLflow's server.
#   docker build -t churn --build-arg COMMIT=$(git rev-parse HEAD) .                    one machine: SQLite, DuckDB
#   docker build -t churn-cluster --target cluster --build-arg COMMIT=... .             and PostgreSQL, Redis, Spark (Java)
# State is mounted, not copied: see docs/how-to/deploy.md.

FROM python:3.11-slim-bookworm AS environment
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt .
RUN pip install --require-hashes -r requirements.txt

FROM environment AS cluster-environment
COPY requirements-cluster.txt .
RUN pip install --require-hashes -r requirements-cluster.txt

FROM python:3.11-slim-bookworm AS base
RUN groupadd --system --gid 10001 churn && useradd --system --uid 10001 --gid churn --home-dir /state churn \
    && mkdir /state && chown churn:churn /state
WORKDIR /app
COPY pyproject.toml README.md LICENSE requirements.txt run_pipeline.py ./
COPY churn churn
COPY serving serving
COPY feature_repo feature_repo
COPY notebooks notebooks
COPY params params
ARG COMMIT=
ENV PATH=/opt/venv/bin:$PATH HOST=0.0.0.0 PORT=8000 CHURN_STATE=/state CHURN_PARAMS=params/cdnow.yaml \
    CHURN_COMMIT=$COMMIT PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=3)"]
CMD ["gunicorn", "-c", "serving/gunicorn.conf.py", "serving.app:create_app()"]

FROM base AS cluster
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends openjdk-17-jre-headless procps \
    && rm -rf /var/lib/apt/lists/*
COPY --from=cluster-environment /opt/venv /opt/venv
RUN pip install --no-cache-dir --no-deps --editable . && python -m compileall -q churn serving
USER 10001:10001

FROM base AS core
COPY --from=environment /opt/venv /opt/venv
RUN pip install --no-cache-dir --no-deps --editable . && python -m compileall -q churn serving
USER 10001:10001
