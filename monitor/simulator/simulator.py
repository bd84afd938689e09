"""The simulated API behind a socket: the balance endpoint, a login page to be redirected to, and the controls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from monitor.simulator.accounts import Accounts
from monitor.simulator.control import PREFIX, control
from monitor.simulator.faults import Answer, error, http, page
from monitor.simulator.request import Request
from monitor.simulator.server import listening

_BALANCE = "/api/account/balance"
_LOGIN = "/login"


class Simulator(Accounts):
    """Accounts that can be asked for over HTTP."""

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve until the end of the block; yields the address, without a slash at its end."""
        async with listening(self.respond, host, port) as taken:
            self._login = f"http://localhost:{taken}{_LOGIN}"  # another host, as cookies and redirect rules see it
            yield f"http://{host}:{taken}"

    def respond(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path == _BALANCE and request.method == "GET":
            return self.balance(request)
        if request.path.startswith(PREFIX):
            return control(self, request)
        self.note(request)
        if request.path not in (_BALANCE, _LOGIN):
            return Answer(http(404, error(404)))
        if request.method != "GET":
            return Answer(http(405, error(405), extra="Allow: GET\r\n"))
        return Answer(page())
