"""A company that signs TLS anew: what the page says to set is what polls and messages go by."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from real.engine import HERE, Engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

ANSWER = (Path(__file__).parents[1] / "answers/legnext_first.json").read_bytes()
AUTHORITY = "/etc/balance-monitor/ca.pem"


class Handler(BaseHTTPRequestHandler):
    """The API and a webhook."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    do_POST = do_GET  # noqa: N815 - the base class calls it that

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it that
        """Print nothing."""


@pytest.fixture
def company(tmp_path: Path) -> Iterator[list[str]]:
    """Serve both over TLS; give the options of a container that asks there, and has the authority's certificate."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    tmp_path.chmod(0o755)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        variables = {
            "LEGNEXT_API_KEY": "sk-1",
            "BALANCE_MONITOR_ACCOUNTS__MAIN__BASE_URL": f"https://127.0.0.1:{server.server_port}",
            "BALANCE_MONITOR_CHANNELS__OPS__URL": f"jsons://127.0.0.1:{server.server_port}/hook",
        }
        yield [
            HERE,
            f"--volume={tmp_path}:/etc/balance-monitor:ro",
            *(f"--env={name}={value}" for name, value in variables.items()),
        ]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("variable", "command", "said"),
    [
        ("SSL_CERT_FILE", ["check"], ("certificate not trusted", "OK - main: $72.05")),
        ("REQUESTS_CA_BUNDLE", ["channels", "test"], ("certificate verify failed", "ops: delivered")),
    ],
)
def test_its_certificate_is_trusted_once_the_variable_names_it(
    image: Engine, company: list[str], variable: str, command: list[str], said: tuple[str, str]
) -> None:
    without = image.once(*company, command=command)
    assert without.returncode != 0
    assert said[0] in without.stdout + without.stderr
    done = image.once(*company, f"--env={variable}={AUTHORITY}", command=command)
    assert (done.returncode, done.stderr) == (0, "")
    assert said[1] in done.stdout
