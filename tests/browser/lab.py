"""A real JupyterLab in a real, headless Chromium, on loopback only.

`jupyterlab` serves a folder, `chromium` opens a page, `open_notebook` and `run_all` do what a
person would. The waits are there for reasons found the hard way; each says which.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Dialog, Page, Route, sync_playwright

from tests.servers import free_port, need

CHROMIUM_ARGUMENTS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),  # root may not use the sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",  # /dev/shm is small in a container
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",  # loopback never goes through a proxy
]

SETTINGS: dict[str, dict[str, Any]] = {
    # No pop-up over the picture.
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Every cell stays in the document, also the ones off-screen.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}

LAB = [
    "--no-browser",
    "--ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--ServerApp.allow_root=True",
    "--ServerApp.terminals_enabled=False",
    "--LabApp.expose_app_in_browser=True",  # commands by id, at window.jupyterapp
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
]

READY = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const kernel = panel?.context?.sessionContext?.session?.kernel;
    return kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle';
}"""

# The promise is parked and polled: awaiting it inside evaluate() would have no time limit.
RUN = """() => {
    window.regnbRan = undefined;
    window.jupyterapp.commands.execute('notebook:run-all-cells')
        .then(ok => { window.regnbRan = ok; }, () => { window.regnbRan = false; });
}"""

# From the model: in the page an error looks like any text on stderr.
ERRORS = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
    .filter(cell => cell.type === 'code').flatMap(cell => cell.outputs.toJSON())
    .filter(output => output.output_type === 'error')
    .map(output => `${output.ename}: ${output.evalue}`)"""


@dataclass
class Window:
    """A page, and what must not have happened in it."""

    page: Page
    blocked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def on_dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # "leave without saving?", or the next page fails
            dialog.accept()
        else:  # regnb opens none: this is registry text that ran as a script
            self.dialogs.append(dialog.message)
            dialog.dismiss()

    def on_request(self, route: Route) -> None:
        if "://127.0.0.1:" in route.request.url:
            route.continue_()
        else:
            self.blocked.append(route.request.url)
            route.abort()


def _environment(home: Path) -> dict[str, str]:
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    own = {name: str(home / folder) for name, folder in folders.items()}
    return {**os.environ, **own, "JUPYTER_PREFER_ENV_PATH": "1"}


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 60
    while True:
        try:
            opener.open(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}") from None
            time.sleep(0.2)


@contextmanager
def jupyterlab(root: Path) -> Iterator[tuple[str, str]]:
    """Serve `root`; yield the address and the token. The user's own settings are not touched."""
    home = Path(tempfile.mkdtemp(prefix="regnb-lab-"))
    for plugin, values in SETTINGS.items():
        path = home / "settings" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    port, token = free_port(), secrets.token_hex(16)
    chosen = [f"--port={port}", f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}"]
    log = home / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *LAB, *chosen],
            env=_environment(home),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(f"{address}/api/status?token={token}", server, log)
            yield address, token
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # the kernels are in this group too
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()
            shutil.rmtree(home, ignore_errors=True)


@contextmanager
def chromium() -> Iterator[Window]:
    """A page of the installed Chromium that reaches loopback and nothing else."""
    program = need("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, headless=True, args=CHROMIUM_ARGUMENTS
        )
        context = browser.new_context(
            viewport={"width": 1280, "height": 1400}, reduced_motion="reduce"
        )
        window = Window(context.new_page())
        window.page.set_default_timeout(30_000)
        window.page.route("**/*", window.on_request)
        window.page.on("dialog", window.on_dialog)
        try:
            yield window
        finally:
            browser.close()


def write(path: Path, *cells: str) -> None:
    """Write a notebook that has not run yet."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, path)


def open_notebook(page: Page, address: str, token: str, path: str) -> None:
    """Open a notebook alone on the page, and wait until its kernel is idle."""
    page.goto(f"{address}/doc/tree/{path}?token={token}&reset")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.evaluate("() => window.jupyterapp.restored.then(() => null)")
    page.wait_for_function(READY)


def run_all(page: Page, **typed: str) -> bool:
    """Run every cell; False when one of them raised.

    Args:
        page: with a notebook.
        **typed: what to type into the boxes that cells open, one after the other; each by the type
            of its box, ``text`` or ``password``.
    """
    start_all(page)
    for kind, text in typed.items():
        masked = "[type=password]" if kind == "password" else ":not([type=password])"
        box = page.locator(f".jp-Stdin-input{masked}")
        box.fill(text)
        box.press("Enter")
    return end_all(page)


def start_all(page: Page) -> None:
    """Begin to run every cell."""
    page.evaluate(RUN)


def end_all(page: Page) -> bool:
    """Wait until every cell has run; False when one of them raised."""
    page.wait_for_function("() => window.regnbRan !== undefined", timeout=90_000)
    page.wait_for_function(READY)
    return bool(page.evaluate("() => window.regnbRan"))


def interrupt(page: Page) -> None:
    """Press the stop button."""
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')")


def saved(page: Page, path: Path) -> str:
    """Save the notebook; what is in its file then."""
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    return path.read_text("utf-8")


def errors(page: Page) -> list[str]:
    """What the cells raised."""
    found: list[str] = page.evaluate(ERRORS)
    return found


def set_theme(page: Page, theme: str) -> None:
    """Switch to 'JupyterLab Light' or 'JupyterLab Dark'."""
    page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
    )
    light = "false" if "Dark" in theme else "true"
    # Playwright takes the body of JupyterLab for hidden, so do not wait for it to be visible.
    page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")
    page.wait_for_timeout(300)
