"""What an answer means: a status and a body become a reading or a failure. Pure.

The shapes are those of the published documentation: an envelope ``{"code":200,"data":{…}}`` or the bare object, and
for errors ``{"code":401,"message":…}`` or ``{"error":{"code":…,"message":…}}``, at any HTTP status, 200 included.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

from monitor import retry_after
from monitor.model import Failure, Kind, Reading
from monitor.provider.fields import UnclearError, amount, document, flag, label, moment, optional_amount

__all__ = ["REDIRECTS", "Answer", "Passing", "UnclearError", "judge"]

REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came over the wire; ``fault`` says why there is no body, ``redirect`` which host a 3xx points to."""

    status: int
    body: bytes = b""
    fault: str = ""
    redirect: str = ""
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Passing:
    """A failure that may be gone in a second: worth a quick retry."""

    failure: Failure


def judge(answer: Answer, *, key: str, now: Callable[[], datetime]) -> Reading | Failure | Passing:
    """Read an answer; ``key`` is kept out of the account's label, ``now`` is asked only for a Retry-After date."""
    seen = _judge(answer, key)
    if not answer.retry_after or isinstance(seen, Reading):
        return seen
    wait = retry_after.parse(answer.retry_after, now)
    if isinstance(seen, Passing):
        return Passing(replace(seen.failure, retry_after=wait))
    return replace(seen, retry_after=wait) if seen.kind is Kind.UNREACHABLE else seen


def _judge(answer: Answer, key: str) -> Reading | Failure | Passing:
    try:
        if answer.status == HTTPStatus.OK:
            return _inside(_document(answer), key)
    except UnclearError as unclear:
        return Failure(Kind.UNREADABLE, str(unclear))
    if answer.status in REDIRECTS:
        target = f"to {answer.redirect}" if answer.redirect else "that names no host"
        return Failure(Kind.UNREADABLE, f"HTTP {answer.status}: a redirect {target}")
    try:
        said = _document(answer)
    except UnclearError:
        said = {}
    return _failed("HTTP", answer.status, said, own=_is_own(said))


def _document(answer: Answer) -> dict[str, object]:
    if answer.fault:
        raise UnclearError(answer.fault)
    return document(answer.body)


def _inside(said: Mapping[str, object], key: str) -> Reading | Failure | Passing:
    """Read what stands in an HTTP 200, which may yet be an error."""
    error = said.get("error")
    code = error.get("code") if isinstance(error, dict) else said.get("code")
    number = HTTPStatus.OK if code is None else _number(code)
    if number != HTTPStatus.OK:
        return _failed("code", number, said, own=True)
    if error:
        raise UnclearError(f"the answer is an error: {_message(said) or 'it does not say which'}")
    return _reading(_fields(said), key)


def _number(code: object) -> int:
    try:
        return int(amount(code))
    except ValueError as why:
        raise UnclearError(f"code {why}") from None


def _fields(said: Mapping[str, object]) -> Mapping[str, object]:
    if "data" not in said:
        return said
    match said["data"]:
        case dict() as data:
            return data
        case None:
            raise UnclearError("data is null")
        case _:
            raise UnclearError("data is not an object")


def _reading(fields: Mapping[str, object], key: str) -> Reading:
    if "balance_usd" not in fields:
        raise UnclearError("the answer has no balance_usd")
    try:
        balance = amount(fields["balance_usd"])
    except ValueError as why:
        raise UnclearError(f"balance_usd {why}") from None
    return Reading(
        balance_usd=balance,
        account_id=label(fields.get("account_id"), key),
        available_credits=optional_amount(fields.get("available_credits")),
        available_points=optional_amount(fields.get("available_points")),
        alert_threshold=optional_amount(fields.get("alert_threshold")),
        low_balance_alert=flag(fields.get("low_balance_alert")),
        updated_at=moment(fields.get("updated_at")),
    )


def _failed(where: str, status: int, said: Mapping[str, object], *, own: bool) -> Failure | Passing:
    message, phrase = _message(said), _PHRASES.get(status)
    why = f": {message}" if message else f" ({phrase})" if phrase else ""
    failure = Failure(_kind(status, own=own), f"{where} {status}{why}")
    return Passing(failure) if _may_pass(status) else failure


def _kind(status: int, *, own: bool) -> Kind:
    match status:
        case 401 | 402:
            return Kind.REFUSED
        case 403:  # a firewall in front of the API says it too, and not because of the key
            return Kind.REFUSED if own else Kind.UNREACHABLE
        case _:
            return Kind.UNREACHABLE if _may_pass(status) else Kind.UNREADABLE


def _may_pass(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status in _SERVER_ERRORS


def _is_own(said: Mapping[str, object]) -> bool:
    error = said.get("error")
    shape = error if isinstance(error, dict) else said
    try:
        amount(shape.get("code"))
    except ValueError:
        return False
    return isinstance(shape.get("message"), str)


def _message(said: Mapping[str, object]) -> str:
    error = said.get("error")
    message = error.get("message") if isinstance(error, dict) else error or said.get("message")
    return message.strip() if isinstance(message, str) else ""
