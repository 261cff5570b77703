"""README.md and the pages in docs/ are complete, short where they should be, and name only what exists."""

from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest

from tests.docs.markdown_files import PAGES, README, ROOT, code_blocks, text_of

DOCS, SOURCE = ROOT / "docs", ROOT / "src" / "chromasonic"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """The program that writes the generated pages."""
    spec = spec_from_file_location("write_docs", ROOT / "tools" / "write_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["write_docs"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["options", "tutorial"])
def test_generated_pages_are_up_to_date(page: str, generator: ModuleType) -> None:
    text = getattr(generator, f"{page}_page")()
    assert text_of(DOCS / f"{page}.md") == text, "run `make docs`"


def test_every_option_has_a_meaning(generator: ModuleType) -> None:
    rows = re.findall(r"^\| `(.*?)` \|.*\| +\|$", generator.options_page(), re.MULTILINE)
    assert rows == []


def test_the_readme_is_short() -> None:
    text = text_of(README)
    assert len(text.splitlines()) <= 200
    assert len(text.split()) <= 1300


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_a_page_exist(page) -> None:  # type: ignore[no-untyped-def]
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(page)):
        assert link.startswith("http") or (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page) -> None:  # type: ignore[no-untyped-def]
    text = text_of(page)
    for path in re.findall(r"\b((?:tests|configs|tools|scripts)/[\w/]+\.(?:py|yaml))\b", text):
        assert (ROOT / path).is_file(), path
    for module in re.findall(r"python -m (tests[\w.]+)", text):
        assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file(), module
    for target in re.findall(r"\bmake ([a-z]+)\b(?=[`\s]*(?:#|`|$))", text, re.MULTILINE):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


def test_the_architecture_page_names_every_package() -> None:
    listed = set(re.findall(r"`(\w+)/`", text_of(DOCS / "architecture.md")))
    listed |= set(re.findall(r"`(\w+\.py)`", text_of(DOCS / "architecture.md")))
    folders = [SOURCE, SOURCE / "melody_generation"]
    names = {path.name for folder in folders for path in folder.iterdir() if not path.name.startswith("_")}
    assert names - {"melody_generation", "py.typed"} <= listed


def test_the_picture_of_the_packages_names_every_package() -> None:
    picture = (DOCS / "images" / "packages.svg").read_text()
    folders = [SOURCE, SOURCE / "melody_generation"]
    names = {path.parent.name for folder in folders for path in folder.glob("*/__init__.py")}
    assert [name for name in names - {"melody_generation"} if f">{name}<" not in picture] == []


def test_no_page_has_code_in_an_unknown_language() -> None:
    for page in PAGES:
        languages = set(re.findall(r"^ *```(\w+)$", text_of(page), re.MULTILINE))
        assert languages <= {"abc", "bash", "powershell", "python", "text", "yaml"}, page.name
        assert code_blocks(page, "") == [], page.name
