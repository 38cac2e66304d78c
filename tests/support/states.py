"""The states of the long journey, empty → A → B → A → empty: between them, documents change in every way there is."""

from __future__ import annotations

from pathlib import Path

HEAD = """
version: 1
project: journey
accounts:
  served:
    api: {api}
    base_url: {base_url}
    api_key: ${{env.TOOL_KEY}}
    list_lag: 0.5
"""

A = """
vector_stores:
  docs:
    name: 문서
    files:
      - {path: "docs/*/*.md", attributes: {team: blue}}
      - docs/*.txt
  shared: {name: Shared, files: [shared/**]}
  small: {name: Small, files: [small/**], metadata: {old: pair}}
assistants:
  tutor:
    name: Tutor
    model: gpt-6-luna
    instructions: Explain in one sentence.
    tools:
      - {type: file_search, vector_stores: [docs]}
      - {type: code_interpreter, files: [data/*.csv]}
      - {type: function, name: show, description: Shows, parameters: {type: object, properties: {a: {type: string}}}}
  guide: {name: Guide, model: gpt-6-luna, tools: [{type: file_search, vector_stores: [shared]}]}
  plain: {model: gpt-6-luna, metadata: {team: education}}
"""

B = """
vector_stores:
  docs:
    name: 문서들
    expires_after: {anchor: last_active_at, days: 7}
    files:
      - {path: "docs/*/*.md", attributes: {team: green, level: 2}}
      - {path: "docs/*.txt", chunking: {max_chunk_size_tokens: 400, chunk_overlap_tokens: 100}}
  more: {name: More, files: [shared/**]}
  small: {name: Small, files: [small/**]}
assistants:
  tutor:
    name: Tutor
    model: gpt-6.1-sol
    instructions: Explain in two short sentences.
    tools:
      - {type: file_search, vector_stores: [more]}
      - {type: code_interpreter, files: [data/*.csv]}
  guide: {name: Guide, model: gpt-6-luna, temperature: 0.5, tools: [{type: file_search, vector_stores: [docs]}]}
  other: {model: gpt-6-luna}
"""

FILES_A = {
    "docs/one/kept.md": "# 그대로\n",
    "docs/one/changed.md": "# before\n",
    "docs/one/moved.md": "# moved\n",
    "docs/one/old-name.md": "# renamed\n",
    "docs/one/gone.md": "# gone\n",
    "docs/cut.txt": "cut another way " * 200,
    "docs/twin.txt": "twins, in two stores",
    "shared/twin.txt": "twins, in two stores",
    "shared/changed.md": "# shared, before\n",
    "small/a.md": "a",
    "small/b.md": "b",
    "data/numbers.csv": "a,b\n1,2\n",
    "data/kept.csv": "k\n1\n",
}

FILES_B = {
    "docs/one/kept.md": "# 그대로\n",
    "docs/one/changed.md": "# after\n",
    "docs/two/moved.md": "# moved\n",
    "docs/one/new-name.md": "# renamed\n",
    "docs/one/added.md": "# added\n",
    "docs/cut.txt": "cut another way " * 200,
    "docs/twin.txt": "twins, in two stores",
    "shared/changed.md": "# shared, after\n",
    "shared/kept.csv.txt": "k\n1\n",
    "small/a.md": "b",
    "small/b.md": "a",
    "small/c.md": "c",
    "data/numbers.csv": "a,b\n1,3\n",
    "data/kept.csv": "k\n1\n",
}

State = tuple[str, dict[str, str]]
JOURNEY: tuple[State, ...] = ((A, FILES_A), (B, FILES_B), (A, FILES_A), ("", {}))


def write(folder: Path, state: State, api: str, base_url: str) -> Path:
    """Write a state into a folder of its own."""
    text, files = state
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    manifest = HEAD.format(api=api, base_url=base_url) + text
    (folder / "assistants.yaml").write_text(manifest, encoding="utf-8")
    return folder
