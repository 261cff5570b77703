"""The documentation site builds without warnings and loads nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.docs.markdown_files import ROOT

pytestmark = pytest.mark.slow

# Elements that make a browser load something: scripts, style sheets, icons, pictures, frames, fonts.
_LOADED = re.compile(r'<(?:script|img|iframe|source|audio|link)\b[^>]*?\b(?:src|href)="(https?:[^"]*)"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documentation")
    for name in ("docs", "src", "tools", "configs"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "zensical.toml", folder)
    subprocess.run([sys.executable, "tools/write_docs.py"], cwd=folder, check=True)
    subprocess.run([sys.executable, "-m", "zensical", "build", "--clean", "--strict"], cwd=folder, check=True)
    return folder / "site"


def test_every_page_of_the_navigation_is_built(site: Path) -> None:
    pages = re.findall(r'= "([\w/-]+)\.md"', (ROOT / "zensical.toml").read_text())
    assert len(pages) > 25
    assert [page for page in pages if not (site / f"{page}.html").is_file()] == []


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = {url for page in site.rglob("*.html") for url in _LOADED.findall(page.read_text(encoding="utf-8"))}
    assert loaded == set()
    styles = {url for path in site.rglob("*.css") for url in re.findall(r"url\((https?:[^)]*)\)", path.read_text())}
    assert styles == set()


def test_the_reference_documents_functions_with_their_arguments(site: Path) -> None:
    page = (site / "api" / "generation.html").read_text(encoding="utf-8")
    assert 'id="chromasonic.melody_generation.generation.generate.generate"' in page
    assert "Parameters" in page


def test_the_search_of_a_page_opened_from_a_disk_finds_a_word(site: Path, browser: Browser) -> None:
    requests: list[str] = []
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.on("request", lambda request: requests.append(request.url))
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("distillation")
    page.get_by_text("Pretraining and distillation").first.wait_for()
    page.get_by_text(re.compile(r"\d+ results")).wait_for()
    page.close()
    assert {url for url in requests if not url.startswith(("file:", "data:", "blob:"))} == set()
