"""Text that attacks whoever shows it, and a look at what became of it."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import html5lib

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</td></table></details></div><h1>out</h1>",
    "<style>*{display:none}</style>",
    "<a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)",
    "&lt;script&gt;",
    "<a href=http://elsewhere.example title=x>in</a>",
    '" style="position:fixed;inset:0" class="jp-Button',
    "<!-- <p> ]]> --> <plaintext>",
    r"$\href{javascript:alert(1)}{x}$ $$x$$ \(x\) \[x\] \begin{equation}x\end{equation}",
    "\x1b[31mred\x1b]0;title\x07\x1b]8;;http://elsewhere.example\x1b\\link",
    "line\r\nnext\ttab\x00null\x9bcsi\x85nel\u2028separator",
    "\u202egnp.exe\u2066x\u2069\u200bzero",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\ud800 half",
    "long " * 300,
]

ELEMENTS = {
    *("a", "b", "body", "code", "dd", "details", "div", "dl", "dt", "em", "head", "html", "p"),
    *("pre", "span", "strong", "summary", "table", "tbody", "td", "th", "thead", "tr"),
}
ATTRIBUTES = {"class", "colspan", "href", "open", "rel", "style", "target", "title", "id", "border"}


def elements(markup: str) -> list[Element]:
    """Every element that a browser sees in markup."""
    sent = markup.encode("utf-8", "replace").decode("utf-8")
    return list(html5lib.parse(sent, namespaceHTMLElements=False).iter())


def skeleton(markup: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """The elements of markup with their attributes, without the spans that text may bring."""
    return [(e.tag, sorted(e.attrib.items())) for e in elements(markup) if e.tag != "span"]


def flaws(markup: str) -> list[str]:
    """What stands in markup that only an attack could have put there."""
    found = []
    for element in elements(markup):
        if element.tag == "span" and set(element.attrib) - {"title"}:
            found.append(f"span {sorted(element.attrib)}")
        if element.tag not in ELEMENTS:
            found.append(f"<{element.tag}>")
        found += [f"{element.tag} {name}" for name in element.attrib if name not in ATTRIBUTES]
        if not element.get("href", "http").startswith("http"):
            found.append(f"href {element.get('href')}")
        for text in (element.text or "", element.tail or ""):
            found += [repr(c) for c in text if not (c.isprintable() or c == "\n")]
    return found
