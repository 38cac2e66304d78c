"""The HTML report: one file with everything in it, which fetches and runs nothing, whatever an account says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings

from deployer.model import Action, Address, OnDrift, Origin, Plan, Resource
from deployer.render.formats import rendered
from tests.render.plans import a_plan, added, assistant, document, edited, store
from tests.render.test_hostile import plans
from tests.render.test_markdown import created, rewritten
from tests.render.test_plans import a_plan as golden

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parents[2] / ".venv" / "axe" / "node_modules" / "axe-core" / "axe.min.js"


class Page(HTMLParser):
    """What a browser would see: elements with attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page(plan: Plan) -> Page:
    return Page(rendered("plan", "html", plan))


@settings(max_examples=15)
@given(plans)
def test_no_word_of_others_becomes_an_element(value: Plan) -> None:
    found = page(value)
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"script", "img", "iframe", "link", "a", "object", "form", "base"}
    assert not [
        name
        for _, attributes in found.elements
        for name in attributes
        if name.startswith("on") or name in ("src", "href")
    ]


def test_everything_is_in_the_file() -> None:
    prompt = "\n".join(f"Line {n} of a long prompt." for n in range(300))
    plan = a_plan(
        assistant(
            "tutor", edited("instructions", prompt, prompt.replace("Line 200 of", "Row 200 of"), origin=Origin.MANIFEST)
        ),
        store(*(added(document(n)) for n in range(300))),
    )
    text = "".join(page(plan).text)
    assert [n for n in range(300) if f"Line {n} of" not in text] == []
    assert [n for n in range(300) if f"docs/{n:05}.md" not in text] == []
    assert "Row" in text


def test_a_passage_that_moved_is_there_at_both_ends() -> None:
    rules = "# Rules\nBe kind to everybody who asks.\nShow every step."
    rest = "\n".join(f"Line {n} of the rest." for n in range(12))
    text = "".join(
        page(
            a_plan(
                assistant("a", edited("instructions", f"{rules}\n{rest}", f"{rest}\n{rules}", origin=Origin.MANIFEST))
            )
        ).text
    )
    assert (text.count("3 lines moved away"), text.count("3 lines moved here"), text.count("Show every step.")) == (
        1,
        1,
        2,
    )


def test_500_changes_with_prompts_of_a_kilobyte_are_less_than_2_megabytes() -> None:
    """The largest of them: nothing that stands in both, so that all of both is there."""
    old = "\n".join(f"{n:02} the tutor explains and asks back what was learned today" for n in range(17))
    new = "\n".join(f"{n:02} a quiz has at least four choices, and one answer of it only" for n in range(16))
    assert len(old) > 1_000 < len(new) + 20
    plan = a_plan(*(assistant(f"a{n}", edited("instructions", old, new, origin=Origin.MANIFEST)) for n in range(500)))
    assert len(rendered("plan", "html", plan).encode()) <= 2_000_000


def test_the_verdict_and_the_hints_are_in_it() -> None:
    plan = a_plan(assistant("tutor", edited("name", "By hand", "Tutor")), assistant("old", action=Action.DELETE))
    text = "".join(page(plan).text)
    assert "apply will refuse" in text
    assert 'git says "Tutor", the account says "By hand"' in text
    assert "deletes: assistant/old" in text
    assert "apply will refuse" not in "".join(page(replace(plan, on_drift=OnDrift.OVERWRITE)).text)


def test_the_picture_says_what_uses_what() -> None:
    docs = Resource(Address("vector_store", "docs"), {}, (document(1), document(2)))
    attrs = {"tools": [{"type": "file_search", "vector_stores": ["vector_store/docs"]}], "name": "vector_store/none"}
    plan = replace(a_plan(), desired=(docs, Resource(Address("assistant", "tutor"), attrs)))
    found = page(plan)
    assert "assistant/tutor uses vector_store/docs" in found.text
    assert "2 documents, 2.0 kB" in found.text
    assert sum(tag == "path" for tag, _ in found.elements) == 2
    assert "svg" not in {tag for tag, _ in page(a_plan()).elements}


def test_each_action_can_be_left_out_without_a_script() -> None:
    plan = a_plan(created("a"), rewritten(1), assistant("c", edited("name", "x", "y"), action=Action.UPDATE))
    found = page(plan)
    boxes = [attributes["id"] for tag, attributes in found.elements if tag == "input"]
    articles = [attributes["class"] for tag, attributes in found.elements if tag == "article"]
    assert boxes == ["create", "update", "conflict"]
    assert articles == ["create", "update", "update conflict"]
    style = found.text[1]
    assert [name for name in boxes if f"body:has(#{name}:not(:checked)) .{name}{{display:none}}" not in style] == []


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """The system's Chromium, driven by Playwright: `make browser` brings both."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make browser installs it")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} does not exist; make browser installs it")
    with driver.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize("width", (390, 1_200))
@pytest.mark.parametrize("scheme", ("light", "dark"))
def test_a_browser_shows_it_on_a_phone_and_in_the_dark(
    browser: object, tmp_path: Path, width: int, scheme: str
) -> None:
    file = tmp_path / "plan.html"
    file.write_text(rendered("plan", "html", golden()), encoding="utf-8")
    view = {"width": width, "height": 800}
    context = browser.new_context(java_script_enabled=False, color_scheme=scheme, viewport=view, offline=True)  # type: ignore[attr-defined]
    shown, asked, said = context.new_page(), [], []
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: said.append(message.text))
    shown.goto(file.as_uri())
    assert (asked, said) == ([file.as_uri()], [])
    assert shown.locator("article").count() == 5
    shown.keyboard.press("Tab")
    shown.locator("#create").uncheck()
    assert not shown.locator("article.create").is_visible()
    assert shown.locator("article.update").first.is_visible()
    boxes = [
        one.bounding_box() for one in shown.locator("h1, fieldset, article.update td, article.update summary").all()
    ]
    assert boxes
    assert max(box["x"] + box["width"] for box in boxes if box) <= width, "nothing stands outside of the screen"


@pytest.mark.parametrize("scheme", ("light", "dark"))
def test_an_accessibility_checker_finds_nothing(browser: object, tmp_path: Path, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed; make browser installs it")
    file = tmp_path / "plan.html"
    file.write_text(rendered("plan", "html", golden()), encoding="utf-8")
    shown = browser.new_context(color_scheme=scheme, bypass_csp=True).new_page()  # type: ignore[attr-defined]
    shown.goto(file.as_uri())
    shown.add_style_tag(content="article{content-visibility:visible!important}")
    shown.evaluate(AXE.read_text(encoding="utf-8"))
    rules = "['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']"
    found = shown.evaluate(f"async () => (await axe.run(document, {{runOnly: {rules}}})).violations")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
