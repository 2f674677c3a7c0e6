# The base is named here once. For a build that can be repeated, give it by digest:
#   docker build --build-arg PYTHON=python@sha256:… .
ARG PYTHON=python:3.11-slim-bookworm

# First stage: the wheel, made with the locked build tools and nothing else of the development lock.
FROM ${PYTHON} AS wheel
WORKDIR /src
COPY requirements-build.txt ./
RUN python -m pip install --no-cache-dir --require-hashes --only-binary=:all: -r requirements-build.txt
COPY . ./
RUN python -m build --wheel --no-isolation --outdir /dist .

# Second stage: the environment, filled from outside, so that no pip gets into it. Everything in it is a wheel: this
# stage has no compiler either.
FROM ${PYTHON} AS environment
RUN python -m venv --without-pip /opt/her2-crd
RUN --mount=type=bind,source=requirements.txt,target=/mnt/requirements.txt \
    python -m pip --python /opt/her2-crd/bin/python install --no-cache-dir --require-hashes --only-binary=:all: \
        -r /mnt/requirements.txt
RUN --mount=type=bind,from=wheel,source=/dist,target=/mnt/dist \
    python -m pip --python /opt/her2-crd/bin/python install --no-cache-dir --no-deps --no-index /mnt/dist/*.whl

# Last stage: what runs. No source tree, no build tools, no pip.
FROM ${PYTHON}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="her2-crd" \
      org.opencontainers.image.description="Payer-side CDS Hooks service: Da Vinci CRD for HER2-targeted drugs" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The folder of the database belongs to the user below. It is no VOLUME: that would have an engine make a nameless one
# for whoever forgets it, and the records would go with the container. A read-only root says so at the start instead.
RUN python -m pip uninstall --yes pip setuptools wheel \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/her2-crd
COPY --from=environment /opt/her2-crd /opt/her2-crd

# Inside a container the loopback address reaches nobody; which hosts may call is the platform's to say. Python's byte
# code is in the image: nothing is written beside it. Only /tmp and the folder of the database are written to.
ENV PATH=/opt/her2-crd/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HER2_CRD_HOST=0.0.0.0 \
    PORT=8080 \
    DATABASE_URL=sqlite:////var/lib/her2-crd/her2-crd.sqlite3
# Numbers, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /
EXPOSE 8080
# gunicorn finishes the calls that it has, for at most 25 s.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/livez', timeout=4)"]
ENTRYPOINT ["her2-crd"]
