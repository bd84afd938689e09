# Two stages: the first has pip and the lock, the second only what runs.
FROM python:3.13-slim-trixie AS build
WORKDIR /src
RUN python3 -m venv /opt/balance-monitor
COPY requirements/run.txt requirements/run.txt
RUN /opt/balance-monitor/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY monitor monitor
RUN /opt/balance-monitor/bin/pip install --no-cache-dir --no-build-isolation --no-deps . \
 && /opt/balance-monitor/bin/python -m compileall -q /opt/balance-monitor/lib

FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent monitor \
 && install -d -o monitor -g monitor /data
COPY --from=build /opt/balance-monitor /opt/balance-monitor
ENV PATH=/opt/balance-monitor/bin:$PATH PYTHONUNBUFFERED=1 STATE_DIRECTORY=/data
USER 10001
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["balance-monitor", "healthcheck"]
ENTRYPOINT ["balance-monitor"]
CMD ["run"]
