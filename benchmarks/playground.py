"""The playground with 500 assistants and 10,000 documents, live: its assets, and how soon a browser shows them.

Chromium and Playwright come with `make browser`; without them, what a browser does is not measured, and that is
said. Seconds of the wall: the least of some loads, each in a browser context of its own, by the browser's own clock,
since other work on the machine makes a load longer, and nothing makes it shorter.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, told

PAGE = Path(__file__).parents[1] / "deployer" / "playground" / "page"
CHROMIUM = Path("/usr/bin/chromium")
ASSISTANTS, STORES, FILES = 500, 20, 500
LOADS = 8


def main() -> int:
    figures = [Figure("assets of the page", sum(one.stat().st_size for one in PAGE.iterdir()) / 1000, 300, " kB")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder)
        subprocess.run(
            [sys.executable, "-m", "deployer", "apply", "--yes"], cwd=folder, check=True, capture_output=True
        )
        with served(folder) as address:
            figures += seen(address)
    return told(figures)


def build(folder: Path) -> None:
    """Write a project in which every assistant searches one of the stores."""
    lines = ["version: 1", "project: large", "vector_stores:"]
    for store in range(STORES):
        lines.append(f"  s{store}: {{name: Store {store}, files: ['docs/{store}/*.md']}}")
        (folder / "docs" / str(store)).mkdir(parents=True)
        for file in range(FILES):
            (folder / "docs" / str(store) / f"{file:04}.md").write_text(f"문서 {store} {file}\n", encoding="utf-8")
    lines.append("assistants:")
    function = "{type: function, name: ask, description: Ask., parameters: {type: object, properties: {}}}"
    for number in range(ASSISTANTS):
        tools = f"[{{type: file_search, vector_stores: [s{number % STORES}]}}, {function}]"
        lines.append(f"  a{number:03}: {{name: Assistant {number}, model: gpt-6-luna, tools: {tools}}}")
    (folder / "assistants.yaml").write_text("\n".join(lines), encoding="utf-8")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "deployer", "playground", "--no-open", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        try:
            yield found.group()
        finally:
            process.send_signal(signal.SIGTERM)


def seen(address: str) -> list[Figure]:
    """Return what a browser sees, and when."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 (it may be missing)
    except ImportError:
        print("first paint: not measured, since playwright is not installed (make browser)")
        return []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        ready(browser, address)
        loads = [load(browser, address) for _ in range(LOADS)]
        listed = min(documents(browser, address) for _ in range(LOADS))
    paint, first, cards, sizes = map(min, zip(*loads, strict=True))
    return [
        Figure(f"first paint with {ASSISTANTS} assistants and {STORES * FILES:,} documents live", paint, 1, " s"),
        Figure("until the first cards are there", first, 1, " s"),
        Figure(f"until all {ASSISTANTS} cards are there", cards, 1.5, " s"),
        Figure("what the page fetches to show them", sizes / 1000, 1_000, " kB"),
        Figure(f"until a page of a store's {FILES} documents is there", listed, 1, " s"),
    ]


def ready(browser: Any, address: str) -> None:
    """Wait until the server has read the account once: that is the account's time, not the page's."""
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("#live[data-how=live]", timeout=300_000)
    page.close()


def load(browser: Any, address: str) -> tuple[float, float, float, float]:
    """Return the first contentful paint, the time until some and all cards are there (s), and bytes of the state."""
    page = browser.new_context().new_page()
    page.goto(address)
    page.wait_for_selector(".cards li")
    first = page.evaluate("performance.now()") / 1000
    page.wait_for_selector(f".cards li:nth-child({ASSISTANTS})", state="attached")
    cards = page.evaluate("performance.now()") / 1000
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
    sizes = page.evaluate("performance.getEntriesByName(location.origin + '/api/state')[0].encodedBodySize")
    page.context.close()
    return paint, first, cards, sizes


def documents(browser: Any, address: str) -> float:
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("details.store")
    began = time.monotonic()
    page.locator("details.store summary").last.click()
    page.wait_for_selector("details.store tbody tr")
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
