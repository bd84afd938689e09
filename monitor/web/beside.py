"""What other programs watch us by: the health addresses, and what Prometheus scrapes."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from monitor import metrics
from monitor.web.site import Site, told


async def healthz(site: Site, request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """Answer how the daemon is; 503 only if it does not do its work."""
    wrong, reasons = await site.condition.look()
    if wrong is not None:
        return told({"status": "failing", "reasons": [wrong, *reasons]}, 503)
    return told({"status": "degraded" if reasons else "ok", "reasons": reasons})


async def readyz(site: Site, request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """Answer whether the daemon has begun, and does not stop."""
    ready = site.behind.is_ready()
    return told({"ready": ready}, 200 if ready else 503)


async def scrape(site: Site, request: Request) -> Response:
    """Answer with the metrics, in the format that is liked best."""
    behind = site.behind
    config, now, is_reloaded = behind.config(), behind.clock.now(), not behind.pulse().reload_error
    found = await site.read(lambda tx: metrics.look(tx, config, behind.counts, now, is_reloaded=is_reloaded))
    body, kind = await asyncio.to_thread(metrics.write, found, request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": kind})
