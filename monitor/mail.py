"""An alert as an HTML mail that reads well in light and in dark, and on a phone. Pure.

Mail clients know tables and inline styles, and little else. Colours are the reader's own but for the level's; nothing
is loaded from anywhere. Apprise makes the plain part of it: one row, one line.
"""

import re
from html import escape

from monitor.model import Level, Message

_COLOURS = {Level.CRITICAL: "#b42318", Level.WARNING: "#b54708", Level.INFO: "#175cd3", Level.OK: "#067647"}
"""Dark enough for white letters, and light enough to be seen in the dark."""
_TIME = r" \d{4}-\d\d-\d\d [\d:]{8} \S{1,8}"
_LABEL = re.compile(rf"(\[[A-Z]{{2,8}}\]|(?:[A-Z][\w. ]{{0,80}}?(?:{_TIME})?|[a-z0-9_]{{1,64}}):) (.+)")
_PAGE = "Page:"
_LEVELS = {f"[{level.name}]": level for level in Level}
_LINE = "1px solid rgba(128,128,128,.25)"
_CHIP = "color:#fff;border-radius:4px;padding:1px 6px;font-size:12px;font-weight:700"
_HEAD = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"></head>'
    '<body style="margin:0;padding:0"><div style="padding:12px">'
    '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:620px;'
    f"border:{_LINE};border-collapse:separate;border-radius:8px;overflow-wrap:anywhere;"
    "font:15px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">"
)
_FOOT = "</table></div></body></html>\n"


def labelled(line: str) -> tuple[str, str]:
    """Part a line into what it is about, such as ``Balance:`` or ``[OK]``, and what it says; the first may be empty."""
    found = _LABEL.fullmatch(line)
    return (found[1], found[2]) if found else ("", line)


def html(message: Message) -> str:
    """Write a whole mail."""
    rows = [_row(line) for line in message.body.split("\n")] if message.body else []
    return "".join([_HEAD, _band(message), *rows, _FOOT])


def _band(message: Message) -> str:
    """Say how bad it is, and what it is about."""
    level, said = labelled(message.title)
    colour = _COLOURS[message.severity]
    return (
        f'<tr><td style="background:{colour};color:#fff;padding:6px 16px;border-radius:7px 7px 0 0;font-size:12px;'
        f'font-weight:700;letter-spacing:.08em">{_text(level.strip("[]") or message.severity.name)}</td></tr>'
        f'<tr><td style="padding:14px 16px 12px;font-size:19px;line-height:1.35;font-weight:600">{_text(said)}</td>'
        "</tr>"
    )


def _row(line: str) -> str:
    if not line:
        return '<tr><td style="font-size:8px">&nbsp;</td></tr>'
    label, said = labelled(line)
    words = _link(said) if label == _PAGE else _text(said)
    return f'<tr><td style="padding:6px 16px;border-top:{_LINE}">{_label(label)}{words}</td></tr>'


def _link(address: str) -> str:
    """Write the address of the monitor's own page: the one link that there is, and it shows where it leads."""
    return f'<a href="{escape(address)}" style="color:inherit">{_text(address)}</a>'


def _label(label: str) -> str:
    if not label:
        return ""
    if label in _LEVELS:
        style = f"background:{_COLOURS[_LEVELS[label]]};{_CHIP}"
        return f'<span style="{style}">{label}</span> '
    if label[0].isupper():
        return f'<span style="display:block;font-size:12px;opacity:.7">{_text(label)}</span> '
    return f"<b>{_text(label)}</b> "


def _text(text: str) -> str:
    return escape(text, quote=False)
