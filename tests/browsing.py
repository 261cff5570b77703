"""A real Chromium, headless, for tests of the pages: what it asks for, what it complains of, what it shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

PHONE, TABLET, WIDE = 360, 768, 1440  # pixels across
FLAGS = ("--no-sandbox", "--disable-gpu")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium; a test that needs it fails where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("the pages are tried in a real browser, and there is none: install Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page that is open, and everything that happened since.

    Attributes:
        page: Playwright's page.
        url: Of the file.
        requests: What it asked for.
        failures: What it did not get, and why.
        complaints: Errors, warnings and dialogs.
    """

    page: Page
    url: str
    requests: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def run(self, script: str, argument: Any = None) -> Any:
        """The value of a JavaScript expression."""
        return self.page.evaluate(script, argument)

    def is_quiet(self) -> bool:
        """Whether it asked for nothing but itself, and complained of nothing."""
        return self.requests == [self.url] and not self.complaints


@contextmanager
def visiting(
    browser: Browser, file: Path, *, width: int = WIDE, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Visit]:
    """Open a file as a double click does."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(10_000)
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


# The text that can be seen, with its colour and the first ground behind it that is not see-through, as WCAG compares
# them. Text that is drawn (SVG) is coloured by its fill.
_TEXTS = """() => {
  const rgb = (color) => (color.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = rgb(getComputedStyle(each).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const light = (color) => {
    const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = color.map((each) => linear(each / 255));
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
      return { text, contrast: contrast(color, ground(element)), needed: isLarge ? 3 : 4.5 };
    });
}"""


def faint_texts(visit: Visit) -> tuple[int, list[str]]:
    """How many texts can be seen, and those of too little contrast for WCAG's level AA."""
    texts = visit.run(_TEXTS)
    return len(texts), [
        f"{each['text']}: {each['contrast']:.2f}" for each in texts if each["contrast"] < each["needed"]
    ]


def overflow(visit: Visit) -> int:
    """By how many pixels the page is wider than the screen."""
    return int(visit.run("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
