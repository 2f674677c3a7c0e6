# First stage: the wheel, built with the build backend that the development lock names.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements-dev.txt ./
RUN python -m pip install --no-cache-dir --require-hashes -r requirements-dev.txt
COPY . ./
RUN python -m build --wheel --no-isolation --outdir /dist .

# Second stage: the locked packages and the wheel. No source tree, no build tools.
FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin her2crd
RUN --mount=type=bind,source=requirements.txt,target=/mnt/requirements.txt \
    python -m pip install --no-cache-dir --require-hashes -r /mnt/requirements.txt
RUN --mount=type=bind,from=build,source=/dist,target=/mnt/dist \
    python -m pip install --no-cache-dir --no-deps --no-index /mnt/dist/*.whl

# Inside a container the loopback address reaches nobody; which hosts may call is the platform's to say.
ENV PYTHONUNBUFFERED=1 \
    HER2_CRD_HOST=0.0.0.0 \
    PORT=8080
# A number, so that Kubernetes can see that it is not root.
USER 10001
WORKDIR /
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/livez', timeout=4)"]
CMD ["her2-crd"]
