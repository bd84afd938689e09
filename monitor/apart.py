"""One message as several, a change each: for services that keep accounts and rules apart. Pure."""

from dataclasses import replace

from monitor import messages
from monitor.model import Message


def apart(message: Message) -> list[Message]:
    """Return a message for each change of one, in order; all that is said beside the changes stays with each."""
    if len(message.changes) <= 1:
        return [message]
    own = {line for change in message.changes for line in (messages.title(change), messages.about(change))}
    rest = [line for line in message.body.split("\n") if line not in own]
    return [
        replace(
            message,
            account=change.account,
            severity=messages.severity([change]),
            title=messages.title(change),
            body="\n".join([*([messages.about(change)] if change.rule else []), *rest]) or messages.title(change),
            changes=(change,),
        )
        for change in message.changes
    ]
