"""Pages stand alone, show what they are given, and run nothing they are given."""

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashlens.pages import (
    GroupRow,
    Part,
    Picture,
    QueryRow,
    duplicates_page,
    picture_of,
    results_page,
)

VOID = {"meta", "img", "br", "link", "input"}


class Balanced(HTMLParser):
    """Checks that each tag is closed, and gathers what could be fetched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def decoded(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.jpeg))


def test_a_page_needs_nothing_outside_itself() -> None:
    pixels = np.full((300, 200, 3), 90, np.uint8)
    row = QueryRow(picture_of(pixels, "q"), [picture_of(pixels, f"{i} bits") for i in range(3)])
    page = results_page("Search", [row, row], subtitle="630 images")
    parsed = Balanced(page)
    assert parsed.tags.count("img") == 8
    assert all(address.startswith("data:image/jpeg;base64,") for address in parsed.addresses)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", page)
    assert "Query 2" in page
    assert "630 images" in page


def test_what_is_shown_is_escaped() -> None:
    evil = '<script>alert("x")</script>'
    row = QueryRow(Picture(evil, evil, evil), [Picture(evil, evil, evil)], note=evil)
    page = results_page(evil, [row], subtitle=evil)
    assert Balanced(page).tags.count("script") == 1
    assert "alert(" not in page.replace("alert(&#34;", "")


def test_right_and_wrong_are_marked_in_words_too() -> None:
    results = [Picture("a", right=True), Picture("b", right=False), Picture("c")]
    page = results_page("t", [QueryRow(Picture("q"), results)])
    assert page.count('class="right"') == page.count("✓ right") == 1
    assert page.count('class="wrong"') == page.count("✗ wrong") == 1


def test_bars_show_shares_and_no_result_is_said() -> None:
    page = results_page("t", [QueryRow(Picture("q"), [Picture("a", share=0.25)])])
    assert 'style="width:25.0%"' in page
    assert "Nothing was found" not in page
    assert "Nothing was found" in results_page("t", [QueryRow(Picture("q"), [])])


@pytest.mark.parametrize(("shape", "size"), [((400, 200, 3), (80, 160)), ((90, 40, 1), (40, 90))])
def test_a_picture_is_at_most_160_pixels(
    shape: tuple[int, int, int], size: tuple[int, int]
) -> None:
    picture = picture_of(np.zeros(shape, np.uint8), "c")
    assert decoded(picture).size == size
    assert not picture.pixelated
    assert base64.b64decode(picture.address.partition(",")[2]) == picture.jpeg


def test_a_tiny_picture_keeps_its_pixels() -> None:
    picture = picture_of(np.zeros((32, 32, 3), np.uint8), "c")
    assert picture.pixelated
    assert 'class="pixelated"' in results_page("t", [QueryRow(picture, [])])


def test_a_picture_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert decoded(picture_of(tmp_path / "turned.jpg", "c")).size == (20, 40)
    assert decoded(picture_of((tmp_path / "turned.jpg").read_bytes(), "c")).size == (20, 40)


def test_a_picture_that_is_gone_leaves_an_empty_place(tmp_path: Path) -> None:
    picture = picture_of(tmp_path / "gone.jpg", "3 bits", detail="owl")
    assert picture.jpeg == b""
    assert "cannot be read" in picture.title
    page = results_page("t", [QueryRow(picture, [])])
    assert "no picture" in page
    assert "<img" not in page


def test_duplicates_stand_alone_and_are_escaped() -> None:
    evil = '<script>alert("x")</script>'
    group = GroupRow(Picture(evil, evil, evil), [Picture("2 bits", evil)], evil)
    page = duplicates_page(evil, [Part(evil, evil, [group, group], evil)], subtitle=evil)
    parsed = Balanced(page)
    assert parsed.tags.count("script") == 1
    assert "alert(" not in page.replace("alert(&#34;", "")
    assert parsed.tags.count("figure") == 4
    assert page.count('class="kept"') == 2
    assert not re.search(r"https?:|//[a-z]|url\(|@import", page)
    assert "There are no duplicates" not in page
    assert "There are no duplicates" in duplicates_page("t", [])
