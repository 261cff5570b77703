"""Open pages in a headless Chromium, and record requests, errors and visible text."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright

PHONE, TABLET, WIDE = 360, 768, 1440  # pixels across
FLAGS = ("--no-sandbox", "--disable-gpu")
_TIMEOUT = 60_000  # milliseconds; a busy machine is slow


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium, or fail the test if there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("tests of pages need a browser: install Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        expect.set_options(timeout=_TIMEOUT)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """An open page and its events.

    Attributes:
        page: Playwright's page.
        url: URL of the file.
        requests: URLs that the page has requested.
        failures: Failed requests with the reason.
        complaints: Errors, warnings and dialogs.
    """

    page: Page
    url: str
    requests: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def run(self, script: str, argument: Any = None) -> Any:
        """Return the value of a JavaScript expression."""
        return self.page.evaluate(script, argument)

    def is_quiet(self) -> bool:
        """Return whether the page has requested only itself and logged no error."""
        return self.requests == [self.url] and not self.complaints


@contextmanager
def visiting(
    browser: Browser, file: Path, *, width: int = WIDE, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Visit]:
    """Open a file by its file URL."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(_TIMEOUT)
    visit = Visit(page, file.as_uri())

    def dismiss(dialog: Dialog) -> None:
        visit.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("requestfailed", lambda request: visit.failures.append(f"{request.url} {request.failure}"))
    page.on("pageerror", lambda problem: visit.complaints.append(str(problem)))
    page.on("console", lambda message: visit.complaints.append(f"{message.type}: {message.text}"))
    page.on("dialog", dismiss)
    page.goto(visit.url)
    try:
        yield visit
    finally:
        context.close()


# All visible texts with the contrast between their colour and the first opaque background, as WCAG defines it. The
# colour of text in SVG is its fill.
_TEXTS = """() => {
  const rgb = (color) => (color.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const background = (element) => {
    for (let ancestor = element; ancestor; ancestor = ancestor.parentElement) {
      const color = rgb(getComputedStyle(ancestor).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const light = (color) => {
    const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = color.map((channel) => linear(channel / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.body.querySelectorAll("*")]
    .filter((element) => !element.closest("script, noscript, .unseen") && hasText(element) && element.checkVisibility())
    .map((element) => {
      const style = getComputedStyle(element);
      const color = rgb(element instanceof SVGElement ? style.fill : style.color).slice(0, 3);
      const text = element.textContent.trim().slice(0, 40);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      return { text, contrast: contrast(color, background(element)), needed: isLarge ? 3 : 4.5 };
    });
}"""


def faint_texts(visit: Visit) -> tuple[int, list[str]]:
    """Return the number of visible texts, and those with less contrast than WCAG's level AA requires."""
    texts = visit.run(_TEXTS)
    return len(texts), [
        f"{text['text']}: {text['contrast']:.2f}" for text in texts if text["contrast"] < text["needed"]
    ]


def overflow(visit: Visit) -> int:
    """Return by how many pixels the page is wider than the screen."""
    return int(visit.run("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
