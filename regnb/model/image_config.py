"""Image configs, with the history of their build (OCI image-spec, config)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from regnb.display.card import Card, Section, Shown, Table
from regnb.display.text import count
from regnb.errors import InvalidDocumentError
from regnb.model import fields, strict_json
from regnb.model.digest import Digest, proven
from regnb.model.platform import Platform

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?"
    r"([Zz]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)",
    re.ASCII,
)
_MICROSECOND_DIGITS = 6
_LEAP_SECOND = 60


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of a build, as the builder tells it.

    Attributes:
        created: when, or None where that is not said.
        created_by: the command.
        comment: whatever else was said.
        author: who.
        empty_layer: whether the step made no layer.
    """

    created: datetime | None = None
    created_by: str = ""
    comment: str = ""
    author: str = ""
    empty_layer: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class ImageConfig(Shown):
    """How an image is run, and how it was built.

    Attributes:
        raw: the document as it came.
        digest: what `raw` hashes to.
        platform: what the image runs on.
        created: when, as the builder claims: a claim, and often a made-up one.
        author: who built it, as the builder claims.
        user: whom it runs as; empty where that is not said.
        entrypoint: ``Entrypoint``, the program and its first arguments.
        command: ``Cmd``, the arguments that a user replaces.
        working_dir: where it starts.
        env: ``NAME=value`` each.
        labels: not to be changed.
        exposed_ports: ``80/tcp``, say.
        diff_ids: the digests of the uncompressed layers, the lowest first.
        history: the steps of the build, the first first.
    """

    raw: bytes = field(hash=False)
    digest: Digest
    platform: Platform
    created: datetime | None = None
    author: str = ""
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    exposed_ports: tuple[str, ...] = ()
    diff_ids: tuple[str, ...] = ()
    history: tuple[HistoryEntry, ...] = ()

    def layer_history(self) -> tuple[HistoryEntry, ...]:
        """The steps that made a layer, in the order of the layers."""
        return tuple(step for step in self.history if not step.empty_layer)

    def card(self) -> Card:
        """How it runs, its labels and its history."""
        facts: tuple[tuple[str, object], ...] = (
            ("platform", str(self.platform)),
            ("created", self.created or "not said"),
            ("user", self.user or "root (not said)"),
            ("entrypoint", " ".join(self.entrypoint)),
            ("command", " ".join(self.command)),
            ("working directory", self.working_dir),
            ("ports", ", ".join(self.exposed_ports)),
            ("author", self.author),
            ("digest", self.digest),
        )
        shown = tuple((name, value) for name, value in facts if value)
        sections = [
            Section(f"environment ({len(self.env)})", Table(("value",), _column(self.env))),
            Section(f"labels ({len(self.labels)})", self.labels),
            Section(f"history ({len(self.history)})", self._steps()),
        ]
        title = f"{self.digest.short} {self.platform} {count(len(self.diff_ids), 'layer')}"
        kept = (bool(self.env), bool(self.labels), bool(self.history))
        chosen = tuple(s for s, keep in zip(sections, kept, strict=True) if keep)
        return Card("ImageConfig", title, shown, chosen)

    def _steps(self) -> Table:
        rows = tuple(
            (position, "" if step.empty_layer else "yes", step.created_by, step.created or "")
            for position, step in enumerate(self.history)
        )
        return Table(("position", "layer", "created by", "created"), rows, right=frozenset({0}))


def parse_image_config(raw: bytes, *, digest: Digest | None = None) -> ImageConfig:
    """Read an image config.

    Args:
        raw: the document.
        digest: what it was asked for by, if known.

    Raises:
        DigestMismatchError: `raw` does not hash to `digest`.
        UnsupportedDigestError: the algorithm of `digest` cannot be computed here.
        InvalidDocumentError: it is no image config.
    """
    digest = proven(raw, digest)
    try:
        return _read(fields.mapping(strict_json.loads(raw), "the document"), digest, raw)
    except InvalidDocumentError as error:
        raise InvalidDocumentError(f"Image config {digest.short} is refused: {error}") from None


def _read(source: dict[str, Any], digest: Digest, raw: bytes) -> ImageConfig:
    run = _object(source, "config")
    return ImageConfig(
        raw=raw,
        digest=digest,
        platform=Platform.from_json(source),
        created=parse_time(fields.text(source, "created")),
        author=fields.text(source, "author"),
        user=fields.text(run, "User"),
        entrypoint=_words(run, "Entrypoint"),
        command=_words(run, "Cmd"),
        working_dir=fields.text(run, "WorkingDir"),
        env=fields.texts(run, "Env"),
        labels=fields.text_map(run, "Labels"),
        exposed_ports=tuple(_object(run, "ExposedPorts")),
        diff_ids=fields.texts(_object(source, "rootfs"), "diff_ids"),
        history=tuple(_step(entry) for entry in fields.items(source, "history")),
    )


def _step(value: object) -> HistoryEntry:
    source = fields.mapping(value, "history")
    return HistoryEntry(
        created=parse_time(fields.text(source, "created")),
        created_by=fields.text(source, "created_by"),
        comment=fields.text(source, "comment"),
        author=fields.text(source, "author"),
        empty_layer=fields.truth(source, "empty_layer"),
    )


def _object(source: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = source.get(name)
    return {} if value is None else fields.mapping(value, name)


def _words(source: Mapping[str, Any], name: str) -> tuple[str, ...]:
    # Old builders wrote a command as one text.
    value = source.get(name)
    return (value,) if isinstance(value, str) else fields.texts(source, name)


def _column(values: tuple[str, ...]) -> tuple[tuple[str], ...]:
    return tuple((value,) for value in values)


def parse_time(text: str) -> datetime | None:
    """A time of RFC 3339 in UTC, to the microsecond; None for year 1 and for what is no time.

    Builders write nanoseconds, which are cut, and year 1 where they mean that they do not know.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    fraction = (match[7] or "")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0")
    try:
        # A leap second is the 60th, which no `datetime` has.
        second = 59 if second == _LEAP_SECOND else second
        moment = datetime(year, month, day, hour, minute, second, int(fraction), UTC)
        moment -= _offset(match[8])
    except (ValueError, OverflowError):
        return None
    return moment if moment.year > 1 else None


def _offset(zone: str) -> timedelta:
    if zone in {"Z", "z"}:
        return timedelta()
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if zone[0] == "-" else size
