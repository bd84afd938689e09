"""What polls saw."""

from monitor.documents.account import failure
from monitor.model import Failure, Reading
from monitor.store.history import FIELDS, Run


def run(one: Run) -> dict[str, object]:
    """Return polls in a row that saw the same."""
    seen = one.seen
    reading = {name: getattr(seen, name) for name in FIELDS} if isinstance(seen, Reading) else None
    known: dict[str, object] = {"first_at": one.first_at, "last_at": one.last_at, "polls": one.polls}
    return known | {"reading": reading, "failure": failure(seen) if isinstance(seen, Failure) else None}
