"""The quick start and the cards, as a person sees them in JupyterLab."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from regnb.sample import serve
from tests.browser.lab import (
    Window,
    errors,
    open_notebook,
    run_all,
    saved,
    set_theme,
    write,
)

pytestmark = pytest.mark.browser

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

CARDS = """
import regnb
from IPython.display import display
reg = regnb.sample.connect()
img = reg["odd/markup:latest"]
display(img.manifest(), img.config("linux/amd64"), img, reg.audit())
""".strip()

TABLES = """
display(img.layers(), img.history(), img.platforms(), regnb.styled(img.history()))
display(reg["odd/markup"].tags(details=True))
""".strip()


def luminance(colour: str) -> float:
    """Brightness of a computed ``rgb(...)`` colour, between 0 and 1."""
    numbers = [float(n) for n in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return sum(w * n / 255 for w, n in zip((0.2126, 0.7152, 0.0722), numbers, strict=True))


def test_the_quick_start_runs_and_is_readable_in_light_and_dark(
    lab: tuple[Path, str, str], window: Window
) -> None:
    root, address, token = lab
    shutil.copy(NOTEBOOKS / "01_quickstart.ipynb", root)
    page = window.page
    open_notebook(page, address, token, "01_quickstart.ipynb")
    assert run_all(page), errors(page)
    assert errors(page) == []
    card = page.locator(".jp-OutputArea-output", has_text="Audit").locator("table.dataframe").first
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        set_theme(page, theme)
        expect(card).to_be_visible()
        colours = card.evaluate(
            """element => [getComputedStyle(element).color,
                getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor]"""
        )
        text, paper = (luminance(colour) for colour in colours)
        assert abs(text - paper) > 0.5, (theme, colours)


def test_s17_text_of_a_hostile_registry_stays_text(
    lab: tuple[Path, str, str], window: Window
) -> None:
    root, address, token = lab
    write(root / "hostile.ipynb", CARDS, TABLES)
    page = window.page
    open_notebook(page, address, token, "hostile.ipynb")
    assert run_all(page), errors(page)
    cards, tables = (page.locator(".jp-CodeCell").nth(n) for n in (0, 1))
    for cell in (cards, tables):
        outputs = cell.locator(".jp-OutputArea-output")
        expect(outputs.first).to_be_visible()
        assert "<script>" in "".join(outputs.all_inner_texts())  # it is there, as text
        assert outputs.locator("script, img, svg:not(.jp-icon), iframe, [onerror]").count() == 0
        assert outputs.locator("a[href^='javascript'], a[href^='data']").count() == 0
    # A table is pandas' own, which lets the host typeset formulas; a card does not.
    assert cards.locator(".jp-OutputArea-output mjx-container").count() == 0


def test_an_untrusted_notebook_shows_the_same_card(
    lab: tuple[Path, str, str], window: Window
) -> None:
    root, address, token = lab
    shutil.copy(NOTEBOOKS / "01_quickstart.ipynb", root / "untrusted.ipynb")
    page = window.page
    open_notebook(page, address, token, "untrusted.ipynb")
    card = page.locator(".jp-OutputArea-output", has_text="Audit").locator("details").first
    expect(card).to_be_visible()
    expect(page.locator(".jp-OutputArea-output table.dataframe").first).to_be_visible()


def test_a_password_is_asked_for_masked_and_is_not_in_the_file(
    lab: tuple[Path, str, str], window: Window
) -> None:
    root, address, token = lab
    page, password = window.page, "hunter2-is-the-password"
    with serve(users={"ada": password}, token_lifetime=60) as served:
        ask = f"import regnb\nregnb.login({served.url!r})"
        use = f"print(len(regnb.connect({served.url!r}).catalog()) > 1)"
        write(root / "login.ipynb", ask, use)
        open_notebook(page, address, token, "login.ipynb")
        assert run_all(page, text="ada", password=password), errors(page)
    file = saved(page, root / "login.ipynb")
    assert "True" in file
    assert password not in file


def test_a_notebook_that_raises_is_seen_to_raise(
    lab: tuple[Path, str, str], window: Window
) -> None:
    root, address, token = lab
    write(root / "raises.ipynb", "import regnb\nregnb.connect('localhost:1')['UPPER/case']")
    open_notebook(window.page, address, token, "raises.ipynb")
    assert not run_all(window.page)
    assert errors(window.page)[0].startswith("NameUppercaseError")
