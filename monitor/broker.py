"""A visit to an MQTT broker: what it says of the login is heard, and no connection outlives its message.

The client behind Apprise keeps what was not acknowledged and connects again by itself, for ever: after an outage every
attempt made meanwhile would arrive.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LOGIN = frozenset({"Bad user name or password", "Not authorized"})


class Visit:
    """What the broker said when it was asked to let us in."""

    refusal: str = ""
    """Why it did not; empty if it did, or said nothing."""

    def listen(self, _client: object, _data: object, _flags: object, code: Any, _more: object) -> None:  # noqa: ANN401 - paho's
        """Hear the broker's answer: the client's ``on_connect``."""
        said = str(code)
        if code.is_failure:
            self.refusal = f"authentication failed: {said}" if said in _LOGIN else f"the broker said: {said}"


@contextmanager
def visit(client: Any) -> Iterator[Visit]:  # noqa: ANN401 - paho's, which is imported by Apprise alone
    """Visit a broker by this client of paho's, and leave."""
    visiting = Visit()
    client.on_connect = visiting.listen
    try:
        yield visiting
    finally:
        client.disconnect()
        client.loop_stop()
