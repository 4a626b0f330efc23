# Serves an exported student (wsdkd export student --to student.onnx) by ONNX Runtime, without PyTorch:
#
#   docker build -t wsdkd-serve .
#   docker run -p 8000:8000 -v "$PWD/student.onnx:/srv/student.onnx:ro" wsdkd-serve
#
# See docs/serving.md; tests/server/test_docker.py takes these steps without Docker.
FROM python:3.11.14-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /srv

# Packages before code: another line of code downloads nothing again.
COPY requirements-serve.lock ./
RUN pip install --no-cache-dir --no-deps -r requirements-serve.lock
COPY wsdkd ./wsdkd

# It needs no right to anything: the student is read, and nothing is written.
USER 65534:65534
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=5)"]
CMD ["python", "-m", "wsdkd", "serve", "--model", "student.onnx", "--host", "0.0.0.0", "--port", "8000"]
