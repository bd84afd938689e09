"""What programs ask for: accounts, alerts, channels, silence, test messages."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from monitor.documents import encode
from monitor.documents.account import account as account_document
from monitor.documents.account import channel as channel_document
from monitor.documents.account import snooze as snooze_document
from monitor.documents.account import tried
from monitor.documents.alert import Shown, open_alerts, shown
from monitor.messages import Standing
from monitor.model import MONITOR, Level, Snooze
from monitor.poll import informed
from monitor.poll.money import standings
from monitor.poll.silence import silence
from monitor.quantity import parse_duration
from monitor.rules import RULES
from monitor.store import Tx, casebook, memory, outbox, snoozes
from monitor.store.memory import Memory
from monitor.web.problem import ProblemError
from monitor.web.site import Site, answer, known, sent, told
from monitor.web.ways import health

_LARGEST = 4096
"""Bytes of what somebody sends us."""
MOST_PAST = 1000
"""Alerts that are over, in an answer."""
_COUNT = re.compile(r"\d{1,4}", re.ASCII)
_RULES = [rule.name for rule in RULES]


async def accounts(site: Site, request: Request) -> Response:
    """Answer how all accounts stand."""
    names = sorted(site.behind.config().accounts)

    def look(tx: Tx) -> str:
        found = memory.recall_all(tx)
        there = {name: found.get(name) or Memory(account=name) for name in names}
        all_standings, levels = standings(tx, there), casebook.levels(tx)
        entries = [_account(there[name], all_standings[name], levels) for name in names]
        return encode({"accounts": entries})

    return answer(request, await site.read(look))


def _account(one: Memory, standing: Standing, levels: dict[str, Level]) -> dict[str, Any]:
    return account_document(one, standing, levels.get(one.account, Level.OK))


async def account(site: Site, request: Request) -> Response:
    """Answer how an account stands, what is wrong with it, and what is silent."""
    name, now, config = site.account(request), site.behind.clock.now(), site.behind.config()

    def look(tx: Tx) -> str:
        one, alerts = memory.recall(tx, name), open_alerts(tx, config, [name])
        level = max((found.alert.level for found in alerts), default=Level.OK)
        asked = [snooze_document(found) for found in snoozes.of(tx, name) if found.holds(now)]
        document = account_document(one, informed(tx, one, level), level)
        return encode(document | {"alerts": [shown(found) for found in alerts], "snoozes": asked})

    return answer(request, await site.read(look))


async def alerts(site: Site, request: Request) -> Response:
    """Answer what is wrong, and who was told; then what was wrong, as much of it as is asked for."""
    account, past = _scope(request.query_params)
    config = site.behind.config()

    def look(tx: Tx) -> str:
        if account and account not in {MONITOR, *config.accounts, *casebook.accounts(tx)}:
            raise ProblemError(422, "account: there is none of that name")
        over = [Shown(one.alert, one.at) for one in casebook.past_alerts(tx, account, past)]
        found = open_alerts(tx, config, [account] if account else [])
        return encode({"alerts": [shown(one) for one in (*found, *over)]})

    return answer(request, await site.read(look))


def _scope(given: Mapping[str, str]) -> tuple[str, int]:
    """Return the account, empty for all, and how many alerts that are over."""
    for key in given:
        if key not in {"account", "past"}:
            raise ProblemError(422, "an unknown parameter: there are account and past")
    past = given.get("past", "0")
    if not _COUNT.fullmatch(past) or int(past) > MOST_PAST:
        raise ProblemError(422, f"past: a number up to {MOST_PAST}, such as 50")
    return given.get("account", ""), int(past)


async def channels(site: Site, request: Request) -> Response:
    """Answer how every channel is doing."""
    config = site.behind.config()

    def look(tx: Tx) -> str:
        counts = outbox.counts(tx)
        return encode({"channels": [channel_document(one, counts) for one in health(tx, config, counts)]})

    return answer(request, await site.read(look))


# -- changes ----------------------------------------------------------------------------------------------------------


async def snooze(site: Site, request: Request) -> Response:
    """Be silent about an account, or a rule of it, up to its present level."""
    name = site.account(request)
    rule, length = _silence(await _body(request))
    asked = await be_silent(site, name, rule, length)
    if asked is None:
        what = f"{name} {rule}".rstrip()
        raise ProblemError(409, f'{what} has no alert: say for how long, such as "for": "4h"')
    return told(snooze_document(asked))


async def be_silent(site: Site, name: str, rule: str, length: timedelta | None) -> Snooze | None:
    """Write down that somebody wants silence; None if it would end at once."""
    now = site.behind.clock.now()

    def ask(tx: Tx) -> Snooze | None:
        asked = silence(tx, name, rule, length, now)
        if asked is not None:
            snoozes.ask(tx, asked)
        return asked

    return await site.behind.store.do(ask)


async def unsnooze(site: Site, request: Request) -> Response:
    """End that."""
    name, now = site.account(request), site.behind.clock.now()
    rule = rule_named(request.query_params.get("rule") or None)

    def end(tx: Tx) -> list[Snooze]:
        over = [one for one in snoozes.of(tx, name) if one.holds(now) and rule in {"", one.rule}]
        snoozes.drop(tx, over)
        return over

    return told({"ended": [snooze_document(one) for one in await site.behind.store.do(end)]})


async def try_channel(site: Site, request: Request) -> Response:
    """Send a test message through a channel, and answer what the service said."""
    name = known(request.path_params["name"], site.behind.config().channels, "channel")
    outcome = await site.test(name)
    if outcome is None:
        raise ProblemError(504, f"{name} has not answered yet: the page of all accounts shows what becomes of it")
    return told(tried(name, outcome))


async def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object that was sent."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ProblemError(415, "send JSON, with Content-Type: application/json")
    try:
        found = json.loads(await sent(request, _LARGEST))
    except (ValueError, RecursionError):
        raise ProblemError(400, 'not JSON: send an object such as {"for": "4h"}') from None
    if not isinstance(found, dict):
        raise ProblemError(400, 'not an object: send one such as {"for": "4h"}')
    return found


def _silence(asked: dict[str, Any]) -> tuple[str, timedelta | None]:
    """Return the rule, empty for all, and the length, None until the end."""
    for key in asked:
        if key not in {"rule", "for"}:
            raise ProblemError(422, "an unknown key: only rule and for may be sent")
    try:
        length = None if asked.get("for") is None else parse_duration(asked["for"])
    except ValueError as error:
        raise ProblemError(422, f"for: {error}") from None
    return rule_named(asked.get("rule")), length


def rule_named(name: object) -> str:
    """Return a rule by its name, empty for all of them; a ProblemError if there is none of that name."""
    if name is None:
        return ""
    if name not in _RULES:
        raise ProblemError(422, f"rule: there is none of that name, but {', '.join(_RULES)}")
    return str(name)
