FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 IMADMIN_DATA_DIR=/data IMADMIN_HOST=0.0.0.0
RUN useradd --create-home --uid 10001 imadmin && install -d -o imadmin -g imadmin /data
WORKDIR /srv/imadmin
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY manage.py ./
COPY scripts/messages.py scripts/messages.py
COPY imadmin imadmin
COPY templates templates
COPY static static
COPY locale locale
RUN python scripts/messages.py compile
USER imadmin
VOLUME /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=3)"]
CMD ["python", "manage.py", "up"]
