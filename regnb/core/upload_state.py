"""UploadState: what another process needs to go on with an upload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from regnb.core.wire.secret import Secret


@dataclass(frozen=True, slots=True)
class UploadState:
    """What is needed to go on with a session.

    Attributes:
        blobs: URL of the blobs of the repository.
        location: where the session goes on; it may be signed.
        offset: bytes that the registry has confirmed.
        algorithm: of the digest that the blob will have.
        chunk_minimum: bytes of every chunk but the last.
    """

    blobs: str
    location: Secret
    offset: int
    algorithm: str
    chunk_minimum: int

    def to_json(self) -> dict[str, str | int]:
        """What JSON can hold."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, str | int]) -> UploadState:
        """Read what `to_json` gave.

        Raises:
            ValueError: it is something else.
        """
        found = {name: value.get(name) for name in cls.__dataclass_fields__}
        numbers = [found["offset"], found["chunk_minimum"]]
        texts = [found["blobs"], found["location"], found["algorithm"]]
        if not all(isinstance(text, str) for text in texts) or not all(map(_is_size, numbers)):
            raise ValueError("That is not the state of an upload.")
        return cls(**{**found, "location": Secret(found["location"])})  # type: ignore[arg-type]


def _is_size(value: object) -> bool:
    return isinstance(value, int) and value >= 0
