"""Parquet: an optional package, and what to install where it is missing."""

from __future__ import annotations

from importlib.util import find_spec

from regnb.errors import MissingExtraError


def need_parquet() -> None:
    """Raise where pyarrow is not installed; it is not imported.

    Raises:
        MissingExtraError: with the command that installs it.
    """
    if find_spec("pyarrow") is None:
        raise MissingExtraError("Saved audits need pyarrow: pip install 'regnb[parquet]'")
