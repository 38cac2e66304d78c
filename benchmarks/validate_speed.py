"""What `deployer validate` costs: processor time of 500 assistants and functions, memory of 3,000 long prompts."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figure import Figure, told

ASSISTANTS = 500
RUNS = 3
MOST_SECONDS = 1.5
PROMPTS = 3_000
PROMPT = "Answer briefly, always with an example, and never invent a source: 수원 도시계획. " * 220
MEGABYTE = 1_000_000


def main() -> int:
    """Print the figure and what it must reach; 1 when it is missed."""
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        seconds = statistics.median(cpu_seconds(Path(folder)) for _ in range(RUNS))
    with tempfile.TemporaryDirectory() as folder:
        size = build_prompts(Path(folder)) / MEGABYTE
        peak = validated(Path(folder)).ru_maxrss * 1024 / MEGABYTE
    what = f"validate, {ASSISTANTS} assistants and {ASSISTANTS} function files, CPU"
    memory = f"validate, {PROMPTS:,} prompts ({size:.0f} MB), peak memory"
    return told([Figure(what, seconds, MOST_SECONDS, " s"), Figure(memory, peak, 1.5 * size + 60, " MB")])


def build(folder: Path) -> None:
    """Write a project in which every assistant has instructions, a store to search and its own function."""
    for name in ("prompts", "functions", "knowledge"):
        (folder / name).mkdir()
    (folder / "knowledge/one.md").write_text("# One\n", encoding="utf-8")
    lines = [
        "version: 1",
        "project: speed",
        "silence: [parameter-description]",
        "variables:",
        "  model: {default: gpt-6-luna}",
    ]
    lines += ["vector_stores:", "  docs: {name: Documents, files: [knowledge/**]}", "assistants:"]
    for number in range(ASSISTANTS):
        (folder / f"prompts/{number}.md").write_text(f"You are assistant {number}.\n" * 10, encoding="utf-8")
        (folder / f"functions/{number}.yaml").write_text(_function(number), encoding="utf-8")
        lines += _assistant(number)
    (folder / "assistants.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def build_prompts(folder: Path) -> int:
    """Write a project of long prompts; return their bytes."""
    lines = ["version: 1", "project: prompts", "assistants:"]
    for number in range(PROMPTS):
        (folder / f"{number}.md").write_text(f"{number}: {PROMPT}", encoding="utf-8")
        lines.append(f"  a{number}: {{model: gpt-6-luna, instructions: {{file: {number}.md}}}}")
    (folder / "assistants.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return sum(path.stat().st_size for path in folder.glob("*.md"))


def cpu_seconds(folder: Path) -> float:
    """User and system time of one whole `deployer validate`, interpreter start included."""
    usage = validated(folder)
    return usage.ru_utime + usage.ru_stime


def validated(folder: Path) -> resource.struct_rusage:
    """What one whole `deployer validate` used."""
    process = subprocess.Popen([sys.executable, "-m", "deployer", "validate"], cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"validate ended with {process.returncode}")
    return usage


def _assistant(number: int) -> list[str]:
    return [
        f"  assistant-{number}:",
        f"    name: Assistant {number}",
        "    model: ${var.model}",
        f"    instructions: {{file: prompts/{number}.md}}",
        "    temperature: 0.3",
        "    tools:",
        "      - {type: file_search, vector_stores: [docs], max_num_results: 8}",
        f"      - {{type: function, file: functions/{number}.yaml}}",
        "    metadata: {team: education}",
    ]


def _function(number: int) -> str:
    properties = "".join(
        f"    {name}: {{type: string, description: {json.dumps(f'The {name} of quiz {number}.')}}}\n"
        for name in ("title", "subject", "level", "language")
    )
    return (
        f"name: show_quiz_{number}\n"
        "description: Show a quiz to the student and return the answers.\n"
        "parameters:\n"
        "  type: object\n"
        "  properties:\n"
        f"{properties}"
        "    questions:\n"
        "      type: array\n"
        "      items:\n"
        "        type: object\n"
        "        properties:\n"
        "          text: {type: string}\n"
        "          kind: {type: string, enum: [MULTIPLE_CHOICE, FREE_RESPONSE]}\n"
        "          choices: {type: array, items: {type: string}}\n"
        "        required: [text]\n"
        "  required: [title, questions]\n"
    )


if __name__ == "__main__":
    sys.exit(main())
