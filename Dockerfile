# The API in a container, built from the lock. State (models, features) is mounted, not copied: see docs/how-to/serve.md.
FROM python:3.11-slim

WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

COPY churn churn
COPY serving serving
COPY feature_repo feature_repo
COPY params params
RUN useradd --system --uid 10001 --create-home churn
USER churn

ENV HOST=0.0.0.0 PORT=8000 CHURN_STATE=/state CHURN_PARAMS=params/cdnow.yaml
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=3)"]
CMD ["gunicorn", "-c", "serving/gunicorn.conf.py", "serving.app:create_app()"]
