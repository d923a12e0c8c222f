"""The page, in a real browser, against a real server."""

import asyncio
import contextlib
import importlib.util
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn

from hashlens.collection import Collection
from hashlens.server import Settings, make_app

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH"),
    pytest.mark.skipif(
        importlib.util.find_spec("playwright") is None, reason="playwright is not installed"
    ),
]

Page = Any
WAIT_MS = 20_000
WINDOW = {"viewport": {"width": 1200, "height": 800}, "reduced_motion": "reduce"}


@dataclass
class Tab:
    """A page, and what went on in it that should not."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def open(self, place: str = "/") -> Page:
        self.page.goto(self.address + place)
        self.page.wait_for_function(
            "() => !document.querySelector('#name').textContent.match('hashlens')"
        )
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('main > section')].some((view) => !view.hidden)"
        )
        return self.page

    def shown(self, n: int) -> None:
        """Wait until so many pictures are shown."""
        self.page.wait_for_function(
            "n => document.querySelectorAll('#pictures .card').length === n", arg=n
        )


@contextlib.contextmanager
def listening(collection: Collection, **settings: Any) -> Iterator[str]:
    """Serve a collection from a thread; give its address."""
    app = make_app(collection, Settings(**settings))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, ws="none", lifespan="on"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(original: Path) -> Iterator[str]:
    """A server whose collection no test changes."""
    with listening(Collection.open(original / "c.hl"), read_only=True) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def window(chromium: Any) -> Any:
    """The window of tests that want no other: its cache makes the page quick to load."""
    return chromium.new_context(**WINDOW)


@pytest.fixture
def visit(chromium: Any, window: Any) -> Iterator[Callable[..., Tab]]:
    """Open a page of a server; at the end, nothing may have gone wrong in it."""
    opened: list[tuple[Tab, tuple[str, ...]]] = []

    def visited(address: str, *, expected: tuple[str, ...] = (), **other: Any) -> Tab:
        context = chromium.new_context(**{**WINDOW, **other}) if other else window
        tab = Tab(context.new_page(), address)
        tab.page.set_default_timeout(WAIT_MS)
        tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.page.on("console", lambda said: _keep(tab, said))
        tab.page.on("request", lambda request: _foreign(tab, request.url))
        opened.append((tab, expected))
        return tab

    yield visited
    for tab, expected in opened:
        tab.page.close()
        wrong = [error for error in tab.errors if not any(word in error for word in expected)]
        assert (wrong, tab.strangers) == ([], [])


def _keep(tab: Tab, said: Any) -> None:
    if said.type in ("error", "warning"):
        tab.errors.append(f"{said.text} {said.location.get('url')}")


def _foreign(tab: Tab, url: str) -> None:
    if not url.startswith((tab.address, "blob:", "data:")):
        tab.strangers.append(url)


def upload(page: Page, *files: Path) -> None:
    page.locator("#files").set_input_files(list(files))


def query_of(page: Page) -> str:
    return urlsplit(page.url).query


def labels(page: Page) -> set[str]:
    return set(page.locator("#pictures .caption i").all_inner_texts())


def scrolls_sideways(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_start_shows_the_collection(visit: Callable[..., Tab], address: str) -> None:
    tab = visit(address)
    page = tab.open()
    tab.shown(40)
    assert page.locator("#name").inner_text() == "c"
    assert page.locator("#size").inner_text() == "40 pictures · 16 bits"
    assert page.title() == "c · hashlens"
    assert page.locator("[data-choose]").first.is_visible()
    assert page.locator("#add").is_hidden()  # the server is read-only
    page.wait_for_function("() => document.querySelector('#pictures img').naturalWidth > 0")


def test_an_uploaded_picture_finds_itself_and_survives_reload_and_back(
    visit: Callable[..., Tab], address: str, original: Path
) -> None:
    tab = visit(address)
    page = tab.open()
    tab.shown(40)
    upload(page, original / "photos" / "owl" / "00.png")
    tab.shown(24)
    first = page.locator("#pictures .card").first
    assert "0 bits" in first.inner_text()
    assert "00.png" in first.inner_text()
    assert page.locator("#query figcaption").inner_text() == "00.png"
    page.reload()
    tab.shown(24)
    page.go_back()
    tab.shown(40)
    page.go_forward()
    tab.shown(24)
    assert "00.png" in page.locator("#pictures .card").first.inner_text()


def test_pictures_come_in_by_drop_and_paste(
    visit: Callable[..., Tab], address: str, original: Path
) -> None:
    tab = visit(address)
    page = tab.open()
    tab.shown(40)
    data = list((original / "photos" / "cat" / "01.png").read_bytes())
    carried = page.evaluate_handle(
        """bytes => {
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(bytes)], "mine.png", {type: "image/png"}));
          return carried;
        }""",
        data,
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": carried})
    assert page.locator("#over .target").all_inner_texts() == ["Find what looks like this"]
    page.dispatch_event("#over .target", "drop", {"dataTransfer": carried})
    tab.shown(24)
    assert "01.png" in page.locator("#pictures .card").first.inner_text()
    dropped = query_of(page)
    page.evaluate(
        "carried => document.dispatchEvent("
        "new ClipboardEvent('paste', {clipboardData: carried, bubbles: true, cancelable: true}))",
        carried,
    )
    page.wait_for_function("before => location.search.slice(1) !== before", arg=dropped)
    assert page.locator("#over").is_hidden()


def test_what_is_not_a_picture_is_named(
    visit: Callable[..., Tab], address: str, tmp_path: Path
) -> None:
    tab = visit(address, expected=("422",))
    page = tab.open()
    (tmp_path / "notes.txt").write_text("no picture")
    upload(page, tmp_path / "notes.txt")
    page.get_by_text("notes.txt is not a picture.").wait_for()
    (tmp_path / "broken.png").write_text("no picture")
    upload(page, tmp_path / "broken.png")
    page.get_by_text("That picture cannot be read.").wait_for()


def test_a_click_searches_by_that_picture_and_its_link_is_the_same_search(
    visit: Callable[..., Tab], address: str
) -> None:
    tab = visit(address)
    page = tab.open()
    tab.shown(40)
    page.locator(".card[data-id='7'] a").click()
    tab.shown(24)
    assert query_of(page) == "id=7"
    assert page.locator(".card[data-id='7']").count() == 0  # it is the query, and no news
    found = page.locator("#pictures").inner_text()
    page.locator("#pictures a").nth(1).click(modifiers=["Shift"])
    page.wait_for_function("() => document.querySelectorAll('#query figure').length === 2")
    page.go_back()
    page.wait_for_function(
        "found => document.querySelector('#pictures').innerText === found", arg=found
    )
    assert page.locator("#query figure").count() == 1
    other = visit(address)
    other.open("/?id=7")
    other.shown(24)
    assert other.page.locator("#pictures").inner_text() == found


def test_sliders_change_the_search(visit: Callable[..., Tab], address: str) -> None:
    tab = visit(address)
    page = tab.open("/?id=7")
    tab.shown(24)
    page.locator("#k-number").fill("5")
    tab.shown(5)
    page.locator("#k").focus()
    page.keyboard.press("ArrowRight")
    tab.shown(6)
    page.locator("#radius").fill("0")
    page.get_by_text("Nothing within 0 bits.").wait_for()
    assert page.locator("#radius").get_attribute("aria-valuetext") == "0 bits"
    assert query_of(page) == "id=7&k=6&radius=0"
    page.get_by_role("button", name="Look at any distance").click()
    tab.shown(6)
    page.locator("label.switch").click()
    page.wait_for_function(
        "() => !document.querySelector('#found').textContent.includes('similar')"
    )
    assert query_of(page) == "id=7&k=6&rerank=0"
    distances = [int(text.split()[0]) for text in page.locator(".caption b").all_inner_texts()]
    assert distances == sorted(distances)


def test_a_filter_holds_and_a_wrong_one_is_told_in_its_place(
    visit: Callable[..., Tab], address: str
) -> None:
    tab = visit(address, expected=("422",))
    page = tab.open("/?id=7")
    tab.shown(24)
    page.keyboard.press("/")
    page.keyboard.type("lab")
    assert page.locator("#offers li code").all_inner_texts() == ["label"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("= ")
    assert sorted(page.locator("#offers li code").all_inner_texts()) == ["'cat'", "'owl'"]
    page.keyboard.type("'owl'")
    page.keyboard.press("Enter")
    tab.shown(20)
    assert labels(page) == {"owl"}
    page.locator("#where").fill("label = owl")
    page.keyboard.press("Enter")
    page.locator("#where-error").wait_for()
    assert "owl" in page.locator("#where-error").inner_text()
    assert page.locator("#where").get_attribute("aria-invalid") == "true"
    assert labels(page) == {"owl"}  # what was found stays
    page.get_by_role("button", name="cat 20").click()
    page.wait_for_function(
        "() => document.querySelector('#pictures .caption i').textContent === 'cat'"
    )
    assert labels(page) == {"cat"}
    assert page.locator("#where-error").is_hidden()


def test_the_keyboard_is_enough(visit: Callable[..., Tab], address: str) -> None:
    tab = visit(address)
    page = tab.open()
    tab.shown(40)

    def focused() -> str:
        return page.evaluate("document.activeElement.closest('.card')?.dataset.id")

    page.keyboard.press("ArrowDown")
    assert focused() == "1"
    page.keyboard.press("ArrowRight")
    assert focused() == "2"
    page.keyboard.press("i")
    page.locator("#details h2").wait_for()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.search === '?show=3'")
    page.locator("#details .code").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function("() => location.search === ''")
    assert focused() == "3"
    page.keyboard.press("Enter")
    tab.shown(24)
    assert query_of(page) == "id=3"
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    page.locator("#view-bits h1").wait_for()
    page.keyboard.press("1")
    tab.shown(24)


def test_words_can_be_read_in_light_and_dark(visit: Callable[..., Tab], address: str) -> None:
    tab = visit(address)
    page = tab.open("/?view=bits")
    for scheme, other in (("light", "dark"), ("dark", "light")):
        page.emulate_media(color_scheme=scheme)
        assert hard_to_read(page) == {}
        page.get_by_role("button", name="Dark or light").click()
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == other
        page.get_by_role("button", name="Dark or light").click()


def hard_to_read(page: Page) -> dict[tuple[str, str], float]:
    """Words and grounds whose colours differ by less than WCAG 2 asks for, 4.5 to 1."""
    colours = page.evaluate(
        """names => {
          const probe = document.body.appendChild(document.createElement("i"));
          return Object.fromEntries(names.map((name) => {
            probe.style.color = `var(--${name})`;
            return [name, getComputedStyle(probe).color.match(/\\d+/g).slice(0, 3).map(Number)];
          }));
        }""",
        ["page", "card", "text", "quiet", "accent", "on-accent", "soft", "right", "wrong", "empty"],
    )
    pairs = [
        (word, ground)
        for word in ("text", "quiet", "accent", "wrong")
        for ground in ("page", "card")
    ]
    pairs += [("on-accent", "accent"), ("accent", "soft"), ("right", "card"), ("text", "soft")]
    pairs += [("quiet", "empty"), ("page", "wrong")]
    return {pair: c for pair in pairs if (c := contrast(*(colours[p] for p in pair))) < 4.5}


def contrast(one: list[int], other: list[int]) -> float:
    """Ratio of the luminances of two colours, as WCAG 2 has it."""

    def luminance(colour: list[int]) -> float:
        parts = [c / 255 for c in colour]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_phone_shows_every_view_without_scrolling_sideways(
    visit: Callable[..., Tab], address: str
) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
    tab = visit(address, **phone)
    page = tab.open()
    tab.shown(40)
    assert not scrolls_sideways(page)
    page.locator(".card a").first.tap()
    tab.shown(24)
    page.get_by_text("How to search").tap()
    assert page.locator("#radius").is_visible()
    assert not scrolls_sideways(page)
    page.locator(".card .info").first.tap()
    page.locator("#details .code").wait_for()
    assert not scrolls_sideways(page)
    page.get_by_role("button", name="Close").tap()
    for view, drawn in (("Bits", "#view-bits .chart"), ("Duplicates", "#view-duplicates h1")):
        page.get_by_role("link", name=view, exact=True).tap()
        page.locator(drawn).first.wait_for()
        assert not scrolls_sideways(page), view


def test_everything_that_is_used_has_a_name(visit: Callable[..., Tab], address: str) -> None:
    tab = visit(address)
    page = tab.open("/?id=7")
    tab.shown(24)
    page.locator("#pictures .info").first.click()
    page.locator("#details .code").wait_for()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, a[href], input, dialog[open], [role]")]
          .filter((part) => !part.closest("[aria-hidden=true]"))
          .filter((part) => part.checkVisibility())
          .filter((part) => !(part.getAttribute("aria-label") || part.textContent.trim()
            || part.getAttribute("aria-labelledby") || part.labels?.length
            || part.matches("[role=status], [role=alert]")))
          .map((part) => part.outerHTML)"""
    )
    assert nameless == []
    assert page.evaluate("document.querySelectorAll('img:not([alt])').length") == 0
    assert page.evaluate("document.documentElement.lang") == "en"


def test_nothing_jumps_while_the_page_loads(visit: Callable[..., Tab], address: str) -> None:
    tab = visit(address)
    page = tab.open("/?id=7")
    tab.shown(24)
    jumped = page.evaluate(
        """() => new Promise((resolve) => {
          new PerformanceObserver((list) => resolve(
            list.getEntries().reduce((sum, entry) => sum + entry.value, 0),
          )).observe({type: "layout-shift", buffered: true});
          setTimeout(() => resolve(0), 100);
        })"""
    )
    assert jumped < 0.01  # of "cumulative layout shift"; up to 0.1 is called good


def test_the_bits_are_drawn_and_a_label_leads_to_its_pictures(
    visit: Callable[..., Tab], address: str
) -> None:
    tab = visit(address)
    page = tab.open("/?view=bits")
    charts = page.locator("#view-bits .chart")
    assert charts.nth(0).locator("rect").count() == 17  # distances from 0 to 16
    assert charts.nth(1).locator("rect:not(.band)").count() == 16
    assert "of 16 bits on average" in page.locator("#view-bits").inner_text()
    page.get_by_role("button", name="owl 20").last.click()
    tab.shown(20)
    assert labels(page) == {"owl"}


def test_duplicates_are_shown_side_by_side(
    visit: Callable[..., Tab], original: Path, tmp_path: Path
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    shutil.copy(original / "photos" / "owl" / "00.png", copies / "again.png")
    with changing(original, tmp_path) as (photos, address):
        photos.add(copies)
        tab = visit(address)
        page = tab.open("/?view=duplicates")
        page.locator(".group").first.wait_for()
        group = page.locator(".group", has_text="again.png")
        assert group.locator(".twin").count() == 2
        assert "keep" in group.locator(".twin").first.inner_text()
        assert "0 bits" in group.locator(".twin").last.inner_text()
        group.locator(".picture").last.click()
        page.locator("#details .code").wait_for()


@contextlib.contextmanager
def changing(original: Path, folder: Path, **settings: Any) -> Iterator[tuple[Collection, str]]:
    """Serve a copy of the collection, which may be changed."""
    shutil.copytree(original / "c.hl", folder / "c.hl")
    photos = Collection.open(folder / "c.hl")
    with listening(photos, **settings) as address:
        yield photos, address


def test_pictures_are_added_and_removed_and_a_token_is_asked_for(
    visit: Callable[..., Tab], original: Path, tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    new = tmp_path / "new.png"
    new.write_bytes(picture(99))
    with changing(original, tmp_path, token="open sesame") as (photos, address):
        tab = visit(address, expected=("401",))
        page = tab.open()
        tab.shown(40)
        upload(page, new)
        page.get_by_role("button", name="Add to the collection").click()
        page.locator("#token-field").fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_text("That token was not right.").wait_for()
        page.locator("#token-field").fill("open sesame")
        page.keyboard.press("Enter")
        page.get_by_text("1 picture added.").wait_for()
        page.wait_for_function("() => document.querySelector('#size').textContent.startsWith('41')")
        assert len(photos) == 41
        newest = photos.items(first=40)[0].id
        details = page.locator(f"#pictures .card[data-id='{newest}'] .info")
        for undone in (True, False):
            details.click()
            page.get_by_role("button", name="Remove").click()
            page.get_by_role("button", name="Remove").click()
            undo = page.get_by_role("button", name="Undo")
            undo.wait_for()
            assert details.count() == 0
            if undone:
                undo.click()
                details.wait_for()
        assert len(photos) == 41
        page.goto("about:blank")  # whoever leaves has not undone it
        assert is_soon(lambda: len(photos) == 40)


def is_soon(holds: Callable[[], bool]) -> bool:
    for _ in range(200):
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_words_of_others_are_never_markup(
    visit: Callable[..., Tab], original: Path, tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    folder = tmp_path / "photos"
    evil = "<img src=x onerror=alert(1)>"
    (folder / evil).mkdir(parents=True)
    (folder / evil / "'\"&amp;<b>.png").write_bytes(picture(98))
    with changing(original, tmp_path) as (photos, address):
        photos.add(folder)
        tab = visit(address)
        page = tab.open("/?id=1&k=40")
        page.get_by_role("button", name=re.compile("^<img")).click()
        tab.shown(1)
        assert labels(page) == {evil}
        assert "'\"&amp;<b>.png" in page.locator("#pictures .card").inner_text()
        page.locator("#pictures .info").click()
        assert page.locator("#details h2").inner_text() == evil
        assert page.locator("img[src='x']").count() == 0


def test_a_busy_server_is_asked_again(visit: Callable[..., Tab], address: str) -> None:
    tab = visit(address, expected=("503",))
    page = tab.open()
    busy = iter([True, False])

    def answer(route: Any) -> None:
        if next(busy):
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"error": "busy"})
        else:
            route.continue_()

    page.route("**/search?**", answer)
    page.locator(".card a").first.click()
    page.get_by_text("The server is busy. Trying again in 1 second").wait_for()
    tab.shown(24)
    assert page.locator("#trouble").is_hidden()


def test_a_lost_connection_is_said_and_mends(visit: Callable[..., Tab], address: str) -> None:
    tab = visit(address, expected=("ERR_",))
    page = tab.open()
    tab.shown(40)
    page.clock.install()
    page.route("**/*", lambda route: route.abort())
    page.locator(".card a").first.click()
    page.get_by_text("The server does not answer.").wait_for()
    page.unroute("**/*")
    page.clock.run_for(4000)
    page.get_by_text("The server is back.").wait_for()
    tab.shown(24)
    assert page.locator("#trouble").is_hidden()
