# Two stages: the first has pip and the lock, the second only what runs. Nothing is bound to an architecture.
FROM python:3.13-slim-trixie AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# The base's pip fills the environment from outside, so that there is none in it.
RUN python3 -m venv --without-pip /opt/balance-monitor
COPY requirements/run.txt requirements/run.txt
RUN pip --python /opt/balance-monitor/bin/python install --no-cache-dir --no-compile --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY monitor monitor
# The build tools, which the lock has too, go when they have done their work. Databases that we do not speak get no bytecode:
# should an update load some of them after all, that costs milliseconds and nothing else. No picture has italics.
RUN pip --python /opt/balance-monitor/bin/python install --no-cache-dir --no-compile --no-build-isolation --no-deps . \
 && pip --python /opt/balance-monitor/bin/python uninstall --yes \
      hatchling editables packaging pathspec pluggy tomlkit trove-classifiers \
 && find /opt/balance-monitor/lib -name 'Inter-Italic*.ttf' -delete \
 && python3 -m compileall -q -f -j 0 --invalidation-mode unchecked-hash \
      -x '/sqlalchemy/(orm|testing|dialects/(mssql|mysql|oracle))/' /opt/balance-monitor/lib

FROM python:3.13-slim-trixie
# A platform that gives the container a uid of its own puts it into group 0: that one may write to /data as well.
# The base has its library without bytecode: every start, and every health check, would compile 270 modules.
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin monitor \
 && install -d -o 10001 -g 0 -m 0770 /data \
 && python3 -m compileall -q -f -j 0 --invalidation-mode unchecked-hash \
      -x '/(site-packages|dist-packages|test|unittest|idlelib|tkinter|turtledemo|ensurepip|pydoc_data|_pyrepl)/' \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/balance-monitor /opt/balance-monitor
ENV PATH=/opt/balance-monitor/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATE_DIRECTORY=/data
# The page is for others once there is a token; without one it stays inside of the container, and the log says so.
ENV BALANCE_MONITOR_DEFAULT_LISTEN=0.0.0.0:8080
USER 10001:10001
VOLUME /data
# The page, the API, the metrics.
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["balance-monitor", "healthcheck"]
# The kernel drops a signal that the first process does not handle yet, but keeps one that it blocks: the program unblocks
# them when it has its handlers. A stop in the first tenth of a second would else take ten seconds and a SIGKILL.
ENTRYPOINT ["env", "--block-signal=TERM,HUP", "balance-monitor"]
CMD ["run"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="balance-monitor" \
      org.opencontainers.image.description="Tells you before the money runs out: polls prepaid balances and alerts people in chat or e-mail" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
