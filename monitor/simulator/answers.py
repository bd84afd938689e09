"""What the balance endpoint says of an account: the documented fields and number style, whole or spoiled by a fault."""

import json
from collections.abc import Mapping

from monitor.quantity import plain
from monitor.simulator.faults import Answer, Healthy, spoil
from monitor.simulator.story import State, dollars


def answer(state: State, *, updated_at: str, login: str) -> Answer:
    """Answer a request that carried the account's key."""
    fields = _fields(state, updated_at)

    def body(overrides: Mapping[str, str | None]) -> bytes:
        texts = {name: text for name, text in {**fields, **overrides}.items() if text is not None}
        return _wrapped(state, "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}")

    healthy = Healthy(body, _wrapped(state, "null"), login)
    return spoil(state.fault, healthy) if state.fault else healthy.answer()


def _fields(state: State, updated_at: str) -> dict[str, str]:
    # written by hand: json would take the balance through a float
    fields = {
        "account_id": str(state.account_id),
        "balance_usd": dollars(state.balance),
        "available_credits": str(state.credits),
        "available_points": str(state.points),
        "alert_threshold": plain(state.alert_threshold),
        "low_balance_alert": json.dumps(state.flag),
        "updated_at": json.dumps(updated_at),
    }
    return {name: text for name, text in fields.items() if name not in state.omit}


def _wrapped(state: State, data: str) -> bytes:
    whole = data if state.shape == "bare" else f'{{"code":200,"data":{data},"message":"success"}}'
    return whole.encode()
