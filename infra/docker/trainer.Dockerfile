# Retrains and watches for drift. Its torch brings CUDA: on a GPU it needs the driver alone. Writes below
# /var/lib/hypermatch (embeddings, encoders, reports) and /tmp only.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG EXTRAS=trainer,postgres,s3,otel
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY registry registry
COPY ingest ingest
COPY serving serving
COPY trainer trainer
COPY infra infra
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /opt/hypermatch \
    && python -m pip --python /opt/hypermatch/bin/python install --constraint constraints.txt ".[${EXTRAS}]"

FROM python:${PYTHON}
COPY --from=build /opt/hypermatch /opt/hypermatch
RUN useradd --uid 10001 --user-group --create-home --home-dir /var/lib/hypermatch hypermatch
ENV PATH=/opt/hypermatch/bin:$PATH \
    HOME=/var/lib/hypermatch \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HYPERMATCH_TRAINER_METRICS_HOST=0.0.0.0 \
    HYPERMATCH_TRAINER_METRICS_PORT=9100
WORKDIR /var/lib/hypermatch
USER 10001:10001
VOLUME ["/var/lib/hypermatch", "/tmp"]
EXPOSE 9100
ENTRYPOINT ["hypermatch"]
CMD ["trainer", "run"]
