"""An image whose every text attacks whoever shows it: a page, a terminal, a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regnb.sample.images import Document, Step, artifact, image, index
from regnb.sample.layers import Blob, layer

TEXTS = (
    "<script>alert('regnb')</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "</td></tr></table><h1>outside</h1>",
    "javascript:alert(1)",
    "&lt;already escaped&gt; &amp;amp;",
    r"$\href{javascript:alert(1)}{click}$ \(x\) $$\text{math}$$",
    "**bold** [link](javascript:alert(1)) `code` | cell",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J",
    "\u202egnp.exe\u202c \u2066isolated\u2069 zero\u200bwidth",
    '=HYPERLINK("http://example.com","click")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1,1)",
    "-2+3",
    "\uff1d1+1",
    "line\none\r\ntwo\ttab",
    "nul\x00byte",
    "{{ 7 * 7 }} {% raw %} ${7*7} %(x)s {0}",
    "long " * 400,
)
_CREATED = "2024-02-29T23:59:59.999999999Z"


def markup() -> Document:
    """An index of the image and an artifact about it; `TEXTS` stand wherever JSON lets them."""
    notes = {text: text for text in TEXTS}
    attacked = _image(notes)
    report = Blob.of(b"<h1>report</h1>", f"text/html+{TEXTS[0]}", annotations=notes)
    about = artifact(f"application/{TEXTS[1]}", [report], subject=attacked, annotations=notes)
    platform = {"architecture": TEXTS[0], "os": TEXTS[8], "variant": TEXTS[9]}
    children: list[tuple[Document, Mapping[str, Any]]] = [
        (attacked, {"platform": {"architecture": "amd64", "os": "linux"}, "annotations": notes}),
        (about, {"platform": platform, "artifactType": f"application/{TEXTS[1]}"}),
    ]
    return index(children, annotations=notes)


def _image(notes: dict[str, str]) -> Document:
    files = layer("markup", {"index.html": b"<script>alert(1)</script>", "=1+1.csv": 2_000})
    steps = [
        Step(_CREATED, TEXTS[0], files, {"comment": TEXTS[1], "author": TEXTS[2]}),
        *(Step(_CREATED, text, None, {"comment": text}) for text in TEXTS[1:]),
    ]
    settings = {
        "User": TEXTS[0],
        "Env": [f"X={text}" for text in TEXTS],
        "Entrypoint": [TEXTS[0]],
        "Cmd": list(TEXTS),
        "WorkingDir": TEXTS[3],
        "ExposedPorts": {text: {} for text in TEXTS},
        "Labels": notes,
    }
    about = {"author": TEXTS[1], "config": settings}
    return image(steps, about=about, annotations=notes)
