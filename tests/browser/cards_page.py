"""The offer cards and the timeline alone on a page, under the service's own Content-Security-Policy."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from tests.integration.framework.program import installed

import travelbuddy

WEB = Path(travelbuddy.__file__).parent / "web"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
CHROMIUM_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
DOCUMENT = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Elements</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/web/app.css"><link rel="stylesheet" href="/web/cards.css">
<link rel="stylesheet" href="/web/timeline.css"><link rel="icon" href="/web/favicon.svg">
<script type="module" src="/web/components/tb-offers.js"></script>
<script type="module" src="/web/components/tb-timeline.js"></script>
</head><body><main><h1 class="visually-hidden">Elements</h1></main></body></html>"""
# An element with its properties, as the chat page would set them; what it asks for is kept in `window.asked`.
MOUNT = """async ([tag, props, days]) => {
  await customElements.whenDefined(tag);
  window.asked = [];
  window.looked = 0;
  for (const name of ["tb-ask", "tb-turn-action"]) {
    document.addEventListener(name, (event) => window.asked.push({ name, ...event.detail }));
  }
  const element = document.createElement(tag);
  const answers = {
    fails: () => Promise.reject(new Error("404")),
    never: () => new Promise(() => {}),
  };
  const look = (query) => {
    window.looked += 1;
    window.query = query;
    return answers[days]?.() ?? Promise.resolve(days);
  };
  if (days) element.api = { days: look };
  Object.assign(element, props);
  document.querySelector("main").append(element);
}"""


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer(DOCUMENT.encode(), "text/html; charset=utf-8")
        elif self.path.startswith("/web/") and ".." not in self.path:
            file = WEB / self.path.removeprefix("/web/")
            self._answer(file.read_bytes(), self.guess_type(str(file)))
        else:
            self.send_error(404)

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        for name, value in {
            "Content-Type": kind,
            "Content-Security-Policy": CSP,
            "Cache-Control": "max-age=600",
            "Content-Length": str(len(body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class CardsPage:
    """A browser, and a server of the elements. Pages are loaded anew for each test, which costs less than new ones."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._pages: dict[str, tuple[Page, list[str]]] = {}

    @contextmanager
    def open(
        self, *, width: int = 760, height: int = 900, scheme: Any = "light", clock: str | None = None, **options: Any
    ) -> Iterator[Page]:
        """An empty page of this size; ``clock`` is the time that its clock, then a test's to move, begins with.

        A page that broke the policy or threw an error fails.
        """
        name = repr((clock, options))
        if name not in self._pages:
            self._pages[name] = self._new(clock, options)
        page, problems = self._pages[name]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        problems.clear()
        page.goto(self._url)
        yield page
        assert problems == []

    def _new(self, clock: str | None, options: dict[str, Any]) -> tuple[Page, list[str]]:
        options = {"locale": "en-GB", "timezone_id": "America/New_York", **options}
        page, problems = self._browser.new_context(**options).new_page(), list[str]()
        page.set_default_timeout(5_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        if clock is not None:
            page.clock.install(time=clock)
        return page, problems


def mount(page: Page, tag: str, props: dict[str, Any], days: Any = None) -> None:
    """Put the element on the page."""
    page.evaluate(MOUNT, [tag, props, days])


@contextmanager
def cards_page() -> Iterator[CardsPage]:
    """The server and the browser; skips the tests where there is no Chromium."""
    program = installed("chromium", "chromium")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        try:
            yield CardsPage(browser, f"http://127.0.0.1:{server.server_port}/")
        finally:
            browser.close()
            server.shutdown()


@cache
def _axe() -> Axe:
    return Axe()


def serious(page: Page) -> str:
    """What axe-core finds serious or critical, as text; empty when there is nothing."""
    found = _axe().run(page).response["violations"]
    return json.dumps([one for one in found if one["impact"] in {"serious", "critical"}] or "", indent=1).strip('"')


def overflows(page: Page) -> bool:
    """Whether the page has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
