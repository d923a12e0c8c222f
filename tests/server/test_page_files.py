"""The page's files: what they load, what they may say, and how they are cut."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

WEB = Path(str(files("hashlens.server"))) / "web"
MODULES = sorted(WEB.glob("*.js"))
INDEX = (WEB / "index.html").read_text("utf-8")


def test_the_page_loads_every_file_and_nothing_else() -> None:
    loaded = set(re.findall(r'(?:href|src)="static/([^"]+)"', INDEX))
    assert loaded == {file.name for file in WEB.iterdir()} - {"index.html"}


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    assert not re.search(r"<style|style=|<script(?![^>]* src=)| on\w+=", INDEX)
    for file in WEB.iterdir():
        addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", file.read_text("utf-8"))
        assert [a for a in addresses if a != "http://www.w3.org/2000/svg"] == [], file.name


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_is_small_and_makes_no_markup_from_text(module: Path) -> None:
    text = module.read_text("utf-8")
    assert len(text.splitlines()) <= 250
    assert max(map(len, text.splitlines())) <= 100
    assert text.startswith("/** ")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
    assert not re.search(r"^(?:var|window\.\w+ =|globalThis)", text, re.MULTILINE)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_imports_what_others_export(module: Path) -> None:
    text = module.read_text("utf-8")
    for names, source in re.findall(r'import \{([^}]+)\} from "\./([^"]+)"', text):
        exported = (WEB / source).read_text("utf-8")
        for name in filter(None, (name.strip() for name in names.split(","))):
            assert re.search(rf"export (?:async )?(?:function|const|class) {name}\b", exported)
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is not used"


def test_every_drawing_that_is_used_is_there() -> None:
    drawn = set(re.findall(r'<symbol id="i-(\w+)"', INDEX))
    used = set(re.findall(r'href="#i-(\w+)"', INDEX))
    for module in MODULES:
        used |= set(re.findall(r'\bicon\("(\w+)"\)', module.read_text("utf-8")))
    assert used | {"left", "right"} == drawn  # the arrows are drawn by name


def test_every_element_that_is_looked_for_is_there() -> None:
    ids = set(re.findall(r' id="([\w-]+)"', INDEX))
    made = {"duplicates-words", "tiers", "groups"}
    for module in MODULES:
        wanted = set(re.findall(r'\bat\("([\w-]+)"\)', module.read_text("utf-8")))
        assert wanted <= ids | made, module.name
