"""Tables for the eye: sizes in words of people, bars behind them, everything escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from regnb.display.text import size
from regnb.errors import MissingExtraError

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

SIZES = {"declared", "stored", "exclusive", "shared", "fair", "size"}
BAR = "#8886"  # legible on white and on black
CLASSES = "dataframe tex2jax_ignore mathjax_ignore"  # the last two: no formulas


def styled(frame: pd.DataFrame) -> Styler:
    """A Styler of `frame` that is safe to show: registry text is escaped in cells and labels.

    Columns of bytes are shown with units and a bar. Formulas are not typeset.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    try:
        styler = frame.style
    except (ImportError, AttributeError):
        raise MissingExtraError("Styled tables need: pip install 'regnb[style]'") from None
    numbers = frame.select_dtypes("number").columns
    sizes = [name for name in numbers if name in SIZES or str(name).endswith("_size")]
    formatters: Any = dict.fromkeys(sizes, _in_words)
    # Each of these changes the styler itself.
    styler.format(escape="html").format(formatters, escape="html")
    for axis in (0, 1):
        styler.format_index(escape="html", axis=axis)
        styler.format_index_names(escape="html", axis=axis)
    for name in sizes:
        if frame[name].notna().any():
            styler.bar(subset=[name], color=BAR, vmin=0)
    return styler.set_table_attributes(f'class="{CLASSES}"')


def _in_words(value: Any) -> str:
    return "" if pd.isna(value) else size(int(value))
