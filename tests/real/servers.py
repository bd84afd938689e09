"""Receivers as Debian ships them, each a process of its own on 127.0.0.1, with a folder that is gone at the end."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request
from abc import abstractmethod
from base64 import b64encode
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, ClassVar

from live import until
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from places import Mail, Place, Told, opened

from real.ground import need, run, tree

USER, PASSWORD = "ops", "sesame-open"
_NOBODY = 65534


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Server(Place):
    """A process that listens on a port of 127.0.0.1."""

    def __init__(self) -> None:
        self.folder, self.port = Path(tempfile.mkdtemp(prefix="receiver-")), _free_port()
        self.folder.chmod(0o755)  # some of them become another user
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
            until(lambda: _answers(self.port), f"{type(self).__name__} to listen")
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def start(self) -> None:
        """Begin to listen."""

    def write(self, name: str, text: str) -> Path:
        """Write a file into its folder."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def launch(self, *command: str | Path) -> None:
        """Run it until the end."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        shutil.rmtree(self.folder)


class Postfix(Server):
    """Delivers to a Maildir, whose files are read as a mail program does."""

    marks = Mail.marks
    _MAIN: ClassVar[str] = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mail.example.org
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:team/
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
"""
    _MASTER: ClassVar[str] = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

    def start(self) -> None:
        need("postfix")
        self.write("etc/main.cf", self._MAIN.format(folder=self.folder, nobody=_NOBODY))
        self.write("etc/master.cf", self._MASTER.format(port=self.port))
        for name in ("queue", "data", "mail"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        os.chown(self.folder / "mail", _NOBODY, _NOBODY)
        run("postfix", "-c", self.folder / "etc", "start")

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}/?mode=insecure&from=monitor@example.org&to=team@example.org"

    @property
    def mails(self) -> list[EmailMessage]:
        """What lies in the Maildir, the oldest first."""
        files = sorted(self.folder.glob("mail/team/new/*"), key=lambda path: path.stat().st_mtime_ns)
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]

    def read(self) -> list[Told]:
        return [opened(mail) for mail in self.mails]

    def close(self) -> None:
        if (self.folder / "queue/pid/master.pid").exists():
            run("postfix", "-c", self.folder / "etc", "stop")
        super().close()


class Mosquitto(Server):
    """A broker that wants a password, and a subscriber of its."""

    has_pictures = False
    _SETTINGS: ClassVar[str] = """\
listener {port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
user root
"""

    def __init__(self) -> None:
        self._payloads: list[bytes] = []
        super().__init__()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("reader", PASSWORD)
        self._client.on_message = lambda _client, _data, message: self._payloads.append(bytes(message.payload))
        listening: list[object] = []
        self._client.on_subscribe = lambda *said: listening.append(said)
        self._client.connect("127.0.0.1", self.port)
        self._client.loop_start()
        self._client.subscribe("billing", qos=1)
        until(lambda: listening, "the subscription")

    def start(self) -> None:
        need("mosquitto", "mosquitto_passwd")
        settings = self.write("mosquitto.conf", self._SETTINGS.format(port=self.port, folder=self.folder))
        self.write("passwords", "")
        self.admit("reader", PASSWORD)
        self.admit(USER, PASSWORD)
        self.launch("mosquitto", "-c", settings)

    def admit(self, user: str, password: str) -> None:
        """Give somebody a password."""
        run("mosquitto_passwd", "-b", self.folder / "passwords", user, password)
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)  # which makes it read the file again

    @property
    def url(self) -> str:
        return f"mqtt://{USER}:{PASSWORD}@127.0.0.1:{self.port}/billing?rto=1"

    def wait(self, count: int) -> None:
        """Wait until so many have arrived."""
        until(lambda: len(self._payloads) >= count, f"message {count}")

    def read(self) -> list[Told]:
        return [Told.of(payload.decode()) for payload in list(self._payloads)]

    def close(self) -> None:
        if hasattr(self, "_client"):
            self._client.disconnect()
            self._client.loop_stop()
        super().close()


class Ntfy(Server):
    """A server of ntfy that lets in who has a password, read by its HTTP API."""

    _SETTINGS: ClassVar[str] = """\
base-url: http://127.0.0.1:{port}
listen-http: 127.0.0.1:{port}
cache-file: {folder}/cache.db
attachment-cache-dir: {folder}/attachments
auth-file: {folder}/users.db
auth-default-access: deny-all
visitor-request-limit-exempt-hosts: 127.0.0.1
"""

    def start(self) -> None:
        need("mmdebstrap")
        program = tree("trixie", "ntfy", ["ntfy"], runs=False) / "usr/bin/ntfy"
        settings = self.write("server.yml", self._SETTINGS.format(port=self.port, folder=self.folder))
        self.launch(program, "serve", "--config", settings)
        until(lambda: _answers(self.port), "the server")
        secret = {**os.environ, "NTFY_PASSWORD": PASSWORD}
        run(program, "user", "--config", settings, "add", "--role=admin", USER, env=secret)

    @property
    def url(self) -> str:
        return f"ntfy://{USER}:{PASSWORD}@127.0.0.1:{self.port}/billing"

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What the topic holds, as the API tells it."""
        lines = self._get("/billing/json?poll=1").splitlines()
        return [json.loads(line) for line in lines]

    def read(self) -> list[Told]:
        return [
            Told(one.get("title", ""), one["message"], pictures=tuple(map(self._fetch, _attached(one))))
            for one in self.messages
        ]

    def _fetch(self, attachment: dict[str, Any]) -> bytes:
        assert (attachment["name"], attachment["type"]) == ("main_eu.png", "image/png")
        return self._get(attachment["url"].removeprefix(f"http://127.0.0.1:{self.port}"))

    def _get(self, path: str) -> bytes:
        login = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Basic {login}"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            content: bytes = answer.read()
            return content


def _attached(message: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return [message["attachment"]] if "attachment" in message else []
