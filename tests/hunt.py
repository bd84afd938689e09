"""Planted secrets, whatever notation could give one away, and the search for them."""

import base64
import hashlib
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_LETTERS = string.ascii_letters + string.digits
_END = 12

Places = dict[str, bytes | str]
"""What is searched, each with its name."""


def word(name: str, middle: str = "/\"+\\%41&'=<") -> str:
    """Make up a secret. Its two ends are the same in every notation of text, so that a cut one is found as well."""
    return _made_up(f"{name} begins") + middle + _made_up(f"{name} ends")


def _made_up(seed: str) -> str:
    digest = hashlib.sha256(seed.encode()).digest()
    return "q7K" + "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[: _END - 3])


@dataclass(frozen=True)
class Planted:
    """A value of the configuration, and the secret words in it."""

    path: tuple[str, ...]
    """Its key; empty for what only the environment says (a proxy)."""
    value: str
    words: tuple[str, ...]

    @property
    def variable(self) -> str:
        """The variable of the environment that sets it."""
        return "BALANCE_MONITOR_" + "__".join(self.path).upper()

    @property
    def file(self) -> str:
        """The name of its secret file."""
        return "__".join(self.path)


@cache
def _needles(secret: str) -> dict[str, str]:
    """Return what gives a secret away, in lower case, each with what it is."""
    parts = {"all of it": secret, "its beginning": secret[:_END], "its end": secret[-_END:]}
    found = {part.lower(): f"{what}, as text" for what, part in parts.items()}
    for what, part in parts.items():
        found |= dict.fromkeys(_in_base64(part.encode()), f"{what}, in base64")
        found[part.encode().hex()] = f"{what}, in hexadecimal"
    return found


def _in_base64(secret: bytes) -> Iterator[str]:
    """Tell how it looks amid something longer, at each of the three places where it can begin."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + secret).decode()
        core = whole[(0, 2, 3)[before] : (before + len(secret)) * 8 // 6]
        yield core.lower()
        yield core.translate(str.maketrans("+/", "-_")).lower()


def leaks(words: Iterable[str], places: Mapping[str, bytes | str]) -> list[str]:
    """Tell each place in which any notation of one of these secrets stands."""
    found = []
    for place, content in places.items():
        text = (content if isinstance(content, str) else content.decode("latin-1")).lower()
        found += [
            f"{secret[:_END]}… ({what}) in {place}: {_around(text, needle)}"
            for secret in words
            for needle, what in _needles(secret).items()
            if needle in text
        ]
    return found


def _around(text: str, needle: str) -> str:
    at = text.index(needle)
    return repr(text[max(at - 120, 0) : at + len(needle) + 60])


def files_below(folder: Path) -> Places:
    """Read every file below a folder, whatever it is."""
    found: Places = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                found[str(path)] = path.read_bytes()
            except FileNotFoundError:  # the journal of a transaction has ended
                continue
            found[f"the name {path}"] = str(path).encode()
    return found


def process_entries(pid: int, *, environment: bool) -> Places:
    """Read what everybody on the machine may see of a process: its command line, its names, those of its threads."""
    process = Path(f"/proc/{pid}")
    names = ["cmdline", "comm", "status", *(["environ"] if environment else [])]
    found: Places = {f"/proc/…/{name}": (process / name).read_bytes() for name in names}
    for task in sorted((process / "task").iterdir()):
        try:
            found[f"/proc/…/task/{task.name}/comm"] = (task / "comm").read_bytes()
        except OSError:  # the thread has ended
            continue
    links = [str(link.readlink()) for link in (process / "fd").iterdir() if _is_link(link)]
    return found | {"/proc/…/fd": "\n".join(links).encode()}


def _is_link(path: Path) -> bool:
    try:
        return bool(path.readlink())
    except OSError:  # closed meanwhile
        return False
