"""Earlier audits, which answers compare an audit with."""

from __future__ import annotations

from regnb.errors import printable


def not_an_audit(given: object) -> TypeError:
    """The error for what was given in place of an earlier audit."""
    return TypeError(
        f"An earlier audit is an Audit, and not {printable(repr(given), 80)}; regnb.load_audit "
        "gives one that was saved."
    )
