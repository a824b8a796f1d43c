"""A bar while work is going on, one true line afterwards.

A bar that is saved in a notebook says 0% for ever, so that in a notebook the bar is replaced by a
line of text when the work ends; in a terminal it is cleared and the line is printed. Work that ends
within half a second shows nothing at all.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from regnb.display.text import clip, count, duration, size
from regnb.options import progress_wanted

DELAY = 0.5
BYTES = "B"
"""The unit of a bar that shows bytes, with a decimal prefix, and their rate."""


class Bar:
    """What `bar` yields. To be called from one thread, the one that opened it."""

    def __init__(self, description: str, total: int | None, unit: str) -> None:
        """Begin to count; nothing is shown yet."""
        # A description may hold registry text. It goes through set_description only: given as
        # `desc=`, the notebook bar of tqdm would take it for markup.
        self.description = clip(description)
        self.unit = unit
        self._total = total
        self._done = 0
        self._before = 0  # of those done, the ones that were there when it began
        self._note = ""
        self._began = time.monotonic()
        self._live: Any = None
        self._handle: Any = None

    def advance(self, number: int = 1) -> None:
        """Count `number` more as done; fewer than none where something had to be begun anew."""
        self._done += number
        self._show()

    def resume(self, number: int) -> None:
        """Count `number` as done that were there before, and have no part in the rate."""
        self._done += number
        self._before += number
        self._show()

    def total(self, number: int | None) -> None:
        """Say how many there are, as far as is known now."""
        self._total = number

    def note(self, text: str) -> None:
        """Put a few words beside the bar."""
        self._note = clip(text)

    def line(self, *, finished: bool) -> str:
        """What remains: what was done, and in what time."""
        done, total = self._amount(self._done), self._total
        # Of bytes, none may be done in the end: those that were only planned.
        if total and (not finished or (self.unit == BYTES and self._done != total)):
            done += f" of {size(total) if self.unit == BYTES else f'{total:,}'}"
        # Bytes alone say too little.
        note = f", {self._note}" if self.unit == BYTES and self._note else ""
        spent = duration(time.monotonic() - self._began)
        if finished:
            return f"{self.description}: {done} in {spent}{note}"
        return f"{self.description}: interrupted after {done}{note}, {spent}"

    def _amount(self, number: int) -> str:
        return size(number) if self.unit == BYTES else count(number, self.unit)

    def finish(self, *, finished: bool) -> None:
        """Take the bar away and leave the line, if there was a bar."""
        if self._live is None:
            return
        self._live.close()
        line = self.line(finished=finished)
        if self._handle is not None:
            self._handle.update({"text/plain": line}, raw=True)
        else:
            print(line, file=sys.stderr)

    def _show(self) -> None:
        if self._live is None:
            spent = time.monotonic() - self._began
            if spent < DELAY:
                return
            self._live, self._handle = _open(self.unit)
            if not self._live.disable:
                # It began earlier than tqdm knows, and has not been shown for as long.
                self._live.start_t -= spent
                self._live.last_print_t -= spent
            self._live.set_description(self.description, refresh=False)
        self._measure()
        self._live.set_postfix_str(self._note, refresh=False)
        self._live.update(self._done - self._live.n)
        if self._live.n == self._total:
            self._live.refresh()  # tqdm leaves out what comes too fast, but not the end

    def _measure(self) -> None:
        self._live.total, self._live.initial = self._total, self._before
        if self._handle is not None and self._total:
            # The notebook bar keeps a copy, and is a small box as long as it knows no total.
            box = self._live.container.children[1]
            box.max, box.bar_style, box.layout.width = self._total, "", None


class _Hidden(Bar):
    """A bar that nobody wants to see."""

    def _show(self) -> None:
        """Show nothing."""


@contextmanager
def bar(
    description: str, *, total: int | None = None, unit: str = "item", show: bool | None = None
) -> Iterator[Bar]:
    """Show a bar while the block runs, if one is wanted and the work takes a while.

    Args:
        description: what is being done.
        total: how many there are, if known; `Bar.total` may tell later.
        unit: one of them, as a word; `BYTES` for bytes.
        show: True or False overrides `set_options` and the environment.
    """
    shown = (Bar if progress_wanted(show) else _Hidden)(description, total, unit)
    try:
        yield shown
    except BaseException:
        shown.finish(finished=False)
        raise
    shown.finish(finished=True)


def _open(unit: str) -> tuple[Any, Any]:
    """A live bar, and the handle of its place in a notebook, if it is in one."""
    tqdm = _tqdm()
    # Whoever works tells some ten times a second, and all of it is shown, also another note. The
    # rate is that of the whole time: a moving average, as tqdm makes it, leaves out every stall.
    options: dict[str, Any] = {"leave": False, "disable": False, "miniters": 0, "smoothing": 0}
    options |= {"unit": unit, "unit_scale": True} if unit == BYTES else {"unit": f" {unit}"}
    if "notebook" not in tqdm.__mro__[1].__module__:
        # A log is no place for a bar that redraws itself; the line afterwards is.
        options["disable"] = not (sys.stderr.isatty() or in_kernel())
        return tqdm(**options), None
    from IPython.display import display  # noqa: PLC0415 - only there in a notebook

    live = tqdm(display=False, **options)
    # IPython does not annotate `display`.
    return live, display(live.container, display_id=True)  # type: ignore[no-untyped-call]


def _tqdm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no ipywidgets: the text bar will do
        from tqdm.auto import tqdm  # noqa: PLC0415 - in a kernel it imports ipywidgets
    return tqdm


def in_kernel() -> bool:
    """Whether this process is the kernel of a notebook."""
    kernelapp = sys.modules.get("ipykernel.kernelapp")
    return kernelapp is not None and bool(kernelapp.IPKernelApp.initialized())
