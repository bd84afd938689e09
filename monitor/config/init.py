"""Writing a first configuration: never over another one unless told so, and readable by nobody else."""

import os
import tempfile
from pathlib import Path

_PRIVATE = 0o600


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write the file, whole or not at all; FileExistsError if there is one and ``force`` is not set."""
    if not force:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w", encoding="utf-8") as stream:
            stream.write(text)
        return
    with tempfile.NamedTemporaryFile(  # made with mode 0600, whatever the old file had
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as stream:
        new = Path(stream.name)
        try:
            stream.write(text)
            stream.close()
            new.replace(path)
        except OSError:
            new.unlink()
            raise
