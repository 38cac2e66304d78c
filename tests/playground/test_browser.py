"""Journeys in the system's Chromium, over the real command; `make browser` brings what they need."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import EXAMPLE
from tests.support.project import Project

CHROMIUM = Path("/usr/bin/chromium")
ROOT = Path(__file__).parents[2]
AXE = ROOT / ".venv" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
TSC = ROOT / ".venv" / "tsc" / "node_modules" / "typescript" / "bin" / "tsc"
RULES = "['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']"
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
SCRIPT = f"""
turns:
  - when: {{message: hostile}}
    times: any
    answers: [{{text: '{HOSTILE.replace("'", "''")}'}}]
  - when: {{message: slowly}}
    times: any
    answers: [[{{text: "One. "}}, {{delay: 60}}, {{text: "Two."}}]]
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make browser installs it")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} does not exist; make browser installs it")
    with driver.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """Run the command as a user does, and return its address; it must end by itself when it is asked to."""
    command = [sys.executable, "-m", "deployer", "playground", "--no-open", "--port", "0", *options]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", process.stdout.readline())
        assert found
        try:
            yield found.group()
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


@pytest.fixture
def school(example: Project) -> Project:
    """The example, live on its embedded account, with a script that has some more to say."""
    script = yaml.safe_load((EXAMPLE / "rehearsal.yaml").read_text(encoding="utf-8"))
    script["turns"] = [*yaml.safe_load(SCRIPT)["turns"], *script["turns"]]
    example.write("script.yaml", yaml.safe_dump(script, allow_unicode=True))
    deployed = [
        sys.executable,
        "-m",
        "deployer",
        "apply",
        "--yes",
    ]  # a process: the driver's event loop runs in this one
    subprocess.run(deployed, cwd=example.root, check=True, stdout=subprocess.DEVNULL)
    return example


@contextmanager
def page(browser: Any, project: Project, part: str = "", **context: Any) -> Iterator[Any]:
    """Open a part of the page; it asks no other host, and nothing is wrong in its console."""
    with served(project.root, "--account", "embedded", "--script", "script.yaml") as address:
        opened = browser.new_context(**context)
        shown, asked, wrong = opened.new_page(), [], []
        shown.on("request", lambda request: asked.append(request.url))
        shown.on("pageerror", lambda error: wrong.append(str(error)))
        shown.on(
            "console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None
        )
        shown.goto(f"{address}#/{part}")
        shown.wait_for_selector("#live[data-how=live]")
        yield shown
        host = address.partition("/?")[0]
        assert [url for url in asked if not url.startswith((host, "blob:"))] == []
        assert wrong == []
        opened.close()


def say(shown: Any, text: str) -> None:
    shown.get_by_label("Message", exact=True).fill(text)
    shown.keyboard.press("Enter")


def test_1_see(browser: Any, school: Project) -> None:
    with page(browser, school) as shown:
        cards = shown.locator(".card")
        assert cards.count() == 2
        assert "code_interpreter" in cards.first.inner_text()
        store = shown.locator("details.store", has_text="Math documents")
        store.locator("summary").click()
        assert store.locator("tbody tr").count() == 5 or shown.wait_for_selector("details.store tbody tr:nth-child(5)")
        school.write("prompts/math-tutor.md", "Answer in one word.\n")
        shown.wait_for_selector(".pending li")
        assert "assistant/math-tutor" in shown.locator(".pending").inner_text()
        shown.get_by_role("button", name="Show the plan").click()
        plan = shown.frame_locator("iframe.plan-frame")
        plan.locator("article.update").wait_for()
        assert "Answer in one word." in plan.locator("article.update").inner_text()
        shown.keyboard.press("Escape")
        assert shown.locator("dialog").count() == 0


def test_2_talk_and_take_the_quiz(browser: Any, school: Project) -> None:
    with page(browser, school, "talk?with=assistant/quiz-generator") as shown:
        say(shown, "퀴즈를 내줘")
        shown.wait_for_selector("form.call fieldset")
        for question in shown.locator("form.call fieldset").all():
            question.get_by_role("radio").nth(2).check()
        shown.get_by_role("button", name="Send the answer").click()
        shown.wait_for_selector(".message")
        shown.locator("details.step", has_text="generate_quiz").locator("summary").click()
        assert "3. 해양지역" in shown.locator("details.step pre").last.inner_text()
        shown.locator(".message .cite").first.click()
        shown.wait_for_selector("dialog .document")
        assert "용도지역" in shown.locator("dialog .document").inner_text()
        shown.keyboard.press("Escape")
        shown.get_by_label("To", exact=True).select_option("assistant/math-tutor")
        say(shown, "피보나치")
        shown.wait_for_selector("[data-turn='1'] .message")
        assert "series.append" in shown.locator("[data-turn='1'] pre").first.inner_text()


def test_2_edit_stop_save_and_make_a_test(browser: Any, school: Project) -> None:
    with page(browser, school, "talk?with=assistant/math-tutor") as shown:
        say(shown, "3x + 11 = 15")
        shown.wait_for_selector(".message, .answer .warn")
        shown.get_by_role("button", name="Edit and send again").click()
        say(shown, "3x + 11 = 14를 풀어줘")
        shown.wait_for_selector("article >> text=x = 1")
        assert shown.locator("article.turn").count() == 1
        with shown.expect_download() as saved:
            shown.get_by_role("button", name="Save as Markdown").click()
        assert "x = 1" in Path(saved.value.path()).read_text(encoding="utf-8")
        shown.get_by_role("button", name="Make a test").click()
        shown.get_by_label("Name").fill("equation")
        shown.get_by_role("button", name="Write tests/equation.yaml, and name it in assistants.yaml").click()
        shown.wait_for_selector("dialog p.good")
        assert yaml.safe_load((school.root / "tests" / "equation.yaml").read_text(encoding="utf-8"))[0]["rehearse"] == [
            "x = 1"
        ]
        shown.keyboard.press("Escape")
        say(shown, "slowly")
        shown.wait_for_selector("article >> text=One.")
        shown.get_by_role("button", name="Stop").click()
        shown.wait_for_selector("article >> text=Stopped.")


def test_2_a_file_is_attached(browser: Any, school: Project) -> None:
    note = school.write("note.md", "plum\n")
    with page(browser, school, "talk?with=assistant/math-tutor") as shown:
        shown.locator("input[type=file]").set_input_files(str(note))
        shown.wait_for_selector(".composer .attached li")
        say(shown, "고마워")
        shown.wait_for_selector(".message")
        assert "note.md" in shown.locator(".you .attached").inner_text()


def test_3_try(browser: Any, school: Project) -> None:
    with page(browser, school, "try") as shown:
        shown.get_by_label("Query").fill("용도지역")
        shown.get_by_role("button", name="Search").click()
        shown.wait_for_selector(".results li")
        assert shown.locator(".results meter").count() == shown.locator(".results li").count()
        shown.get_by_role("button", name="Add a filter").click()
        shown.get_by_label("Attribute").fill("grade")
        shown.get_by_label("Value").fill("7")
        shown.get_by_role("button", name="Search").click()
        shown.wait_for_selector("text=0 results")
        shown.get_by_label("Arguments (JSON)").fill('{"title": 3}')
        shown.get_by_role("button", name="Check").click()
        shown.wait_for_selector("text=These arguments do not fit the schema")


def test_4_hostile_texts_are_texts(browser: Any, school: Project) -> None:
    manifest = (school.root / "assistants.yaml").read_text(encoding="utf-8")
    school.write(
        "assistants.yaml", manifest.replace("name: Quiz Generator", f"name: '{HOSTILE.replace(chr(39), chr(39) * 2)}'")
    )
    with page(browser, school, "talk?with=assistant/math-tutor") as shown:
        say(shown, "hostile")
        shown.wait_for_selector(".message")
        assert shown.locator(".message p").inner_text() == HOSTILE
        shown.goto(shown.url.partition("#")[0] + "#/see")
        shown.wait_for_selector(".card")
        assert HOSTILE in shown.locator(".card h3").all_inner_texts()
        shown.get_by_role("button", name="Show the plan").click()
        shown.frame_locator("iframe.plan-frame").locator("article").first.wait_for()
        assert "owned" not in shown.title()
        assert shown.locator("main img").count() == 0


def test_5_by_keyboard_alone(browser: Any, school: Project) -> None:
    with page(browser, school) as shown:
        shown.keyboard.press("Tab")
        assert shown.evaluate("document.activeElement.className") == "skip"
        for _ in range(2):
            shown.keyboard.press("Tab")
        shown.keyboard.press("Enter")
        shown.wait_for_selector("#message")
        assert shown.evaluate("document.activeElement.id") == "main"
        while shown.evaluate("document.activeElement.id") != "message":
            shown.keyboard.press("Tab")
        shown.keyboard.type("3x + 11 = 14")
        shown.keyboard.press("Enter")
        shown.wait_for_selector(".message")


@pytest.mark.parametrize(("scheme", "locale"), (("light", "en-US"), ("dark", "ko-KR")))
def test_5_each_look_suits_everybody(browser: Any, school: Project, scheme: str, locale: str) -> None:
    """On a phone and on a screen, light in English and dark in Korean: nothing overflows, axe finds nothing."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed; make browser installs it")
    with page(browser, school, color_scheme=scheme, locale=locale, bypass_csp=True) as shown:
        shown.evaluate(AXE.read_text(encoding="utf-8"))
        shown.locator("details.store summary").first.click()
        shown.wait_for_selector("tbody tr")
        looked_at(shown)
        shown.locator("#nav a").nth(1).click()
        shown.locator("#message").fill("퀴즈")
        shown.keyboard.press("Enter")
        shown.wait_for_selector("form.call")
        looked_at(shown)
        shown.locator("#nav a").nth(2).click()
        looked_at(shown)
        assert shown.evaluate("document.documentElement.lang") == locale[:2]


def looked_at(shown: Any) -> None:
    """Let axe look at it on a phone and on a screen."""
    for width in (390, 1_200):
        shown.set_viewport_size({"width": width, "height": 800})
        assert shown.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        found = shown.evaluate(f"async () => (await axe.run(document, {{runOnly: {RULES}}})).violations")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_the_page_is_typed() -> None:
    if not TSC.exists():
        pytest.skip("typescript is not installed; make browser installs it")
    result = subprocess.run(["node", TSC, "-p", ROOT / "tsconfig.json"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")
