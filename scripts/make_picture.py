"""Draw the pictures of the docs: a real plan of the example after a day of edits, one of them by hand.

docs/plan.svg is the plan on a terminal; docs/report.png is the same as HTML, docs/comment.png as a comment.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx2
from markdown_it import MarkdownIt
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from deployer.server import EmbeddedAccount

ROOT = Path(__file__).parent.parent
EDITS = (
    ("prompts/quiz-generator.md", "generating multiple choice quizzes", "writing multiple choice quizzes"),
    ("functions/generate_quiz.yaml", "choices: {type: array, ", "choices: {type: array, minItems: 4, "),
    ("knowledge/city-plan/용도지역.md", "\n\n", "\n\n(개정판)\n\n"),
    ("assistants.yaml", "default: gpt-6-luna", "default: gpt-6.1-sol"),
)
CHROMIUM = "/usr/bin/chromium"
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 24px; font: 14px/1.5 "Noto Sans CJK KR", sans-serif; border: 1px solid #d0d7de; padding: 16px }}
h3 {{ margin: 0 0 12px }} code {{ background: #eff1f3; padding: 2px 5px; border-radius: 4px; font-size: 12px }}
pre {{ background: #f6f8fa; padding: 12px }} pre code {{ background: none; padding: 0; white-space: pre-wrap }}
details {{ margin: 8px 0 }}
</style>{body}"""
# rich's own template loads a font over the network; a picture should not.
SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("prompts", "functions", "knowledge"):
            shutil.copytree(ROOT / name, root / name)
        shutil.copy(ROOT / "assistants.yaml", root)
        deployer(root, "apply", "--yes")
        tutor = json.loads(deployer(root, "outputs", "--format", "json"))["assistant/math-tutor"]
        asyncio.run(edit(root / ".deployer" / "account", f"/assistants/{tutor}", {"name": "Maths Helper"}))
        for name, old, new in EDITS:
            path = root / name
            text = path.read_text(encoding="utf-8")
            if old not in text:
                sys.exit(f"{name} no longer holds {old!r}: mend EDITS")
            path.write_text(text.replace(old, new, 1), encoding="utf-8")
        (root / "knowledge/city-plan/2040.md").write_text("# 2040\n\n목표 연도 2040의 요약.\n", encoding="utf-8")
        (root / "knowledge/math/fibonacci.md").unlink()
        shown = deployer(root, "plan", "--out", "plan.json")
        report = deployer(root, "show", "plan.json", "--format", "html")
        comment = deployer(root, "show", "plan.json", "--format", "markdown")
    console = Console(record=True, width=118, file=io.StringIO())
    console.print(Text("$ deployer plan", style="bold"))
    console.print(Text.from_ansi(shown))
    svg = console.export_svg(title="deployer plan", theme=MONOKAI, code_format=SVG, unique_id="plan")
    (ROOT / "docs" / "plan.svg").write_text(svg, encoding="utf-8")
    photograph(report, "report.png", "900,1100")
    photograph(PAGE.format(body=MarkdownIt("commonmark").render(comment)), "comment.png", "760,860")


def photograph(page: str, name: str, size: str) -> None:
    """Write a picture of the upper part of a page, as a browser shows it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "page.html").write_text(page, encoding="utf-8")
        flags = ("--headless=new", "--no-sandbox", "--hide-scrollbars", f"--window-size={size}")
        picture = ROOT / "docs" / name
        command = [CHROMIUM, *flags, f"--screenshot={picture}", f"file://{folder}/page.html"]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)


async def edit(account: Path, path: str, body: dict[str, str]) -> None:
    """Change an object as somebody does who knows nothing of git."""
    headers = {"OpenAI-Beta": "assistants=v2", "Authorization": "Bearer any"}
    with EmbeddedAccount(account) as embedded:
        transport = httpx2.ASGITransport(app=embedded.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://embedded.invalid/v1") as client:
            (await client.post(path, json=body, headers=headers)).raise_for_status()


def deployer(root: Path, *arguments: str) -> str:
    environment = {
        **os.environ,
        "FORCE_COLOR": "1",
        "TERM": "xterm-256color",
        "COLUMNS": "118",
        "DEPLOYER_ACCOUNT": "embedded",
    }
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "deployer", *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
