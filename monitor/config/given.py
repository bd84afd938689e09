"""What was given, from all sources together: merged, with a place for each value and a sentence for each mistake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from monitor.config.effective import Unusable
from monitor.config.keys import (
    KeyPath,
    advice_on_own,
    at,
    dotted,
    drop,
    kind_of,
    meant,
    remedy,
    secrets_in,
    strangers,
    twin,
    wrong_part,
)
from monitor.config.places import CONFIG_VARIABLE
from monitor.config.secret import read_secret
from monitor.config.shape import Shape
from monitor.config.sources import (
    LEGNEXT_KEY,
    LISTEN_DEFAULT,
    PREFIX,
    Layer,
    LegnextKey,
    is_service_link,
    path_of,
    read_file,
    secret_files,
    secret_folders,
    settings,
    unfold,
)
from monitor.config.words import said

_NO_KEYS = {CONFIG_VARIABLE, LISTEN_DEFAULT}
"""Variables with our prefix that stand for no key."""


@dataclass(slots=True)
class Given:
    """The sources in their order, and what was wrong with them so far."""

    file: Path | None
    layers: list[Layer] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    wrong: set[KeyPath] = field(default_factory=set)
    """Paths whose mistake was told; nobody complains that a value is missing there."""

    def layer(self, path: KeyPath) -> Layer | None:
        """Return the source whose value counts."""
        return next((layer for layer in self.layers if at(layer.tables, path) is not None), None)

    def place(self, path: KeyPath) -> str:
        """Name the place where a value, or else the table that lacks it, was written."""
        for length in range(len(path), 0, -1):
            if layer := self.layer(path[:length]):
                return layer.place(path)
        return dotted(path)

    def blame(self, path: KeyPath, sentence: str) -> None:
        """Remember a mistake at a path."""
        self.problems.append(f"{self.place(path)}: {sentence}")
        self.wrong.add(path)

    def drop(self, path: KeyPath) -> None:
        """Take a value out of every source, so that what remains can be checked."""
        for layer in self.layers:
            drop(layer.tables, path)
        self.wrong.add(path)

    def is_wrong(self, *path: str) -> bool:
        """Say whether a mistake was told of a value or of a table that it stands in."""
        return any(path[:length] in self.wrong for length in range(1, len(path) + 1))


def gather(file: Path | None, environ: Mapping[str, str], folders: Sequence[Path] | None) -> Given:
    """Read every source; a file that cannot be read at all is a ConfigError."""
    given = Given(file)
    toml = read_file(file)
    given.layers.append(_environment(given, environ))
    others = _named_files(*given.layers, *([toml] if toml else []))
    given.layers.append(_secrets(given, secret_folders(environ) if folders is None else folders, others=others))
    given.layers += [toml] if toml else []
    for layer in given.layers:
        _refuse_strangers(given, layer)
        _refuse_twins(given, layer)
    given.layers.append(LegnextKey(environ))
    return given


def _environment(given: Given, environ: Mapping[str, str]) -> Layer:
    names: dict[KeyPath, str] = {}
    values: dict[str, str] = {}
    for name, value in sorted(environ.items()):
        ours = name.upper().startswith(PREFIX) and name.upper() not in _NO_KEYS and not is_service_link(name, value)
        key = name[len(PREFIX) :].lower()
        if (ours or name == LEGNEXT_KEY) and not value.strip():
            given.warnings.append(f"{name}: empty, so it counts as not set: remove it, or give it a value")
        elif ours and _is_known(given, name, path_of(key), prefix=PREFIX) and path_of(key) not in names:
            names[path_of(key)] = name
            values[key] = value
    return Layer("environment", unfold(values), names=names)


def _secrets(given: Given, folders: Sequence[Path], *, others: set[Path]) -> Layer:
    """Take a secret by the path of its file, as if that path had been written; read any other key at once."""
    names: dict[KeyPath, str] = {}
    values: dict[str, str] = {}
    for name, file in secret_files(folders).items():
        path = path_of(name)
        if file in others or not _is_known(given, str(file), path):
            continue
        if kind_of(path):
            names[path] = names[twin(path)] = str(file)
            values[f"{name}_file"] = str(file)
            continue
        names[path] = str(file)
        text = read_secret(file, dotted(path))
        if isinstance(text, Unusable):
            given.problems.append(text.reason)
        else:
            values[name] = text
    return Layer("secret file", unfold(values), names=names)


def _named_files(*layers: Layer) -> set[Path]:
    """Return the files that ``_file`` keys name: whatever they are called, somebody asked for them."""
    found = [at(layer.tables, twin(secret)) for layer in layers for secret in secrets_in(layer.tables)]
    return {Path(file) for file in found if isinstance(file, str)}


def _is_known(given: Given, name: str, path: KeyPath, *, prefix: str = "") -> bool:
    """Only warn of an unknown name: the environment and the secret folders are shared with others."""
    position = wrong_part(path)
    if position is None:
        return True
    if own := advice_on_own(path[: position + 1]):
        given.warnings.append(f"{name}: no key of the configuration, so it is ignored: {own}")
        return False
    close = meant(path[: position + 1])
    better = prefix + "__".join((*path[:position], close or "", *path[position + 1 :]))
    advice = f": did you mean {better.upper() if prefix else better}?" if close else ""
    given.warnings.append(f"{name}: no key of the configuration, so it is ignored{advice}")
    return False


def _refuse_strangers(given: Given, layer: Layer) -> None:
    for path in list(strangers(layer.tables)):
        given.problems.append(f"{layer.place(path)}: unknown key: {remedy(path)}")
        given.wrong.add(path)
        drop(layer.tables, path)


def _refuse_twins(given: Given, layer: Layer) -> None:
    for secret in list(secrets_in(layer.tables)):
        if at(layer.tables, secret) is not None and at(layer.tables, twin(secret)) is not None:
            place, other = layer.place(secret), layer.place(twin(secret))
            given.problems.append(f"{place}: also given as {other}: keep one of the two")
            given.wrong.add(secret)
            drop(layer.tables, secret)


def validate(given: Given) -> Shape:
    """Check each key by itself, and go on without those that are wrong until the rest is right."""
    while True:
        try:
            return cast("Shape", settings(given.layers))
        except ValidationError as error:
            mistakes = {tuple(str(key) for key in each["loc"] if key != "[key]"): said(each) for each in error.errors()}
        for path, sentence in mistakes.items():
            given.blame(path, sentence)
        for path in mistakes:
            given.drop(path)
