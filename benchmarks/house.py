"""How the code is built: sizes, modules, words and seams, each beside the bar that it must reach.

Read from the source by `ast`; nothing is run. `--all` also measures start-up and the suite's time (minutes).

A module is a *slice* when exactly one other module imports it, and it is no *seam*. Seams are: a module that a literal
table lists (kinds, commands, endpoints, formats, rules, …: `TABLES` below), the only module that imports a third party,
and the entry point. A package's `__init__` is no candidate; who imports a name from it imports the module behind it.
"""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.figure import Figure, told

ROOT = Path(__file__).parents[1]
PAIRS = 6
TABLES = (
    "SURFACES",
    "KINDS",
    "COMMANDS",
    "OPERATIONS",
    "UPLOADS",
    "BACKENDS",
    "FORMATS",
    "WHOLE",
    "VALID",
    "STRICT",
    "HINTS",
    "RULES",
    "_READERS",
    "READERS",
    "SECTIONS",
)
"""Names of the literal tables that list modules, or what modules bring."""
NEWER = (
    *("deployer.server.runs", "deployer.server.schemas", "deployer.server.flaws", "deployer.server.workers"),
    *(
        f"deployer.server.resources.{name}"
        for name in ("conversations", "messages", "response", "run", "session", "streaming", "threads")
    ),
    *(
        "deployer.apply.lag",
        "deployer.engine.answers",
        "deployer.engine.document_map",
        "deployer.apply.attach",
        "deployer.apply.document_forms",
        "deployer.apply.store_map",
        "deployer.backends.capabilities",
        "deployer.commands.doctor",
        "deployer.project.diagnosis",
        "deployer.backends.http.advice",
        "deployer.backends.http.transport",
    ),
    *("deployer.deadlines", "deployer.commands.interrupts", "deployer.commands.chat", "deployer.render.terminal"),
    *("deployer.commands.init", "deployer.commands.completion", "deployer.commands.schema", "deployer.project.starter"),
    *("deployer.project.in_thread", "deployer.manifest.references", "deployer.manifest.policies"),
    *("deployer.manifest.leaks", "deployer.project.promotion"),
    *("deployer.project.bringing", "deployer.manifest.write_back"),
    *("deployer.project.watching", "deployer.commands.watch"),
    *("deployer.playground", "deployer.commands.playground"),
    *("deployer.github", "deployer.commands.github", "deployer.commands.show", "deployer.commands.whois"),
    *("deployer.project.provenance", "deployer.engine.review"),
    *("deployer.functions.openapi", "deployer.functions.definitions"),
    *("deployer.functions.checks.contradictions", "deployer.functions.checks.keywords"),
    *("deployer.catalogue", "deployer.project.models", "deployer.render.html", "deployer.backends.folder"),
    *("deployer.bundles", "deployer.knowledge", "deployer.kinds.bundle", "deployer.kinds.carries"),
    *(
        "deployer.kinds.response_tools",
        "deployer.kinds.losses",
        "deployer.manifest.importing",
        "deployer.manifest.import_shapes",
    ),
    *("deployer.project.importing", "deployer.commands.import_"),
    *("deployer.kinds.foundry", "deployer.backends.http.routes", "deployer.backends.http.versions"),
    *("deployer.engine.names", "deployer.server.resources.foundry"),
    *(
        "deployer.operator",
        "deployer.fleet",
        "deployer.manifest.template",
        "deployer.commands.fleets",
        "deployer.render.fleets",
    ),
    *(
        "deployer.conversation",
        "deployer.testing",
        "deployer.project.testing",
        "deployer.project.declared_tests",
        "deployer.project.recording",
        "deployer.project.rehearsing",
        "deployer.project.python_checks",
        "deployer.project.trial",
        "deployer.commands.test",
        "deployer.commands.tested_apply",
        "deployer.render.tests",
        "deployer.backends.judge",
        "deployer.project.chatting",
        "deployer.backends.streaming",
        "deployer.backends.http.dialogue",
    ),
)
"""How modules begin that came after the bar on their number was set: threads and runs, responses, conversations and
sessions, schemas refused as the API does; more sources and rules of functions; what is known of models; the HTML
report; objects in a folder; bounds, lags and advice; jobs of GitHub; the daily loop. Modules are counted without them,
and so are those with one importer; every other bar holds for them, too."""
RECIPES = {"a kind": 5, "an output format": 2, "an endpoint of the server": 2}
"""How many files outside tests and docs each recipe of CONTRIBUTING.md may touch."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of the tree; `name` is dotted, a package's own is that of its folder."""

    path: Path
    name: str

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    def classes(self) -> Iterator[ast.ClassDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))

    @cached_property
    def bound(self) -> Mapping[str, str]:
        """What each imported name stands for, in dotted form, wherever in the file it is imported."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.asname or alias.name: alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return found


class House:
    """The modules of `deployer/`, and who imports whom."""

    def __init__(self, root: Path = ROOT) -> None:
        files = sorted((root / "deployer").rglob("*.py"))
        self.modules = {module.name: module for module in (Module(path, _dotted(path, root)) for path in files)}

    def home(self, dotted: str) -> str | None:
        """Return the module that a dotted name lies in, or None where it is none of the tree's."""
        while dotted and dotted not in self.modules:
            dotted = dotted.rpartition(".")[0]
        return dotted or None

    def _homes(self, dotted: str) -> Iterator[str]:
        """Yield the module of a name, and where a package only passes it on, the module that it comes from."""
        if home := self.home(dotted):
            yield home
            name = dotted.removeprefix(f"{home}.").partition(".")[0]
            behind = self.modules[home].bound.get(name) if self.modules[home].is_package else None
            if behind and behind != dotted:
                yield from self._homes(behind)

    @cached_property
    def importers(self) -> Mapping[str, frozenset[str]]:
        """Return who imports each module; a lazy import counts as any other."""
        found: dict[str, set[str]] = defaultdict(set)
        for module in self.modules.values():
            for dotted in module.bound.values():
                for home in self._homes(dotted):
                    if home != module.name:
                        found[home].add(module.name)
        return {name: frozenset(found[name]) for name in self.modules}

    @cached_property
    def listed(self) -> frozenset[str]:
        """Return the modules that a literal table lists: by a name that it holds, or by their dotted name as text."""
        return frozenset(found for module in self.modules.values() for found in self._listed_by(module))

    def _listed_by(self, module: Module) -> Iterator[str]:
        for table in module.tree.body:
            if not _is_table(table):
                continue
            for node in ast.walk(table):
                if isinstance(node, ast.Name) and node.id in module.bound:
                    yield from filter(None, [self.home(module.bound[node.id])])
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    package = module.name if module.is_package else module.name.rpartition(".")[0]
                    dotted = node.value.replace(":", ".")
                    yield from filter(None, [self.home(dotted), self.home(f"{package}.{dotted}")])

    @cached_property
    def commands(self) -> frozenset[str]:
        """Return the modules of `commands/` that the command line loads by name: those that hold a click command."""
        return frozenset(
            name
            for name, module in self.modules.items()
            if name.startswith("deployer.commands.")
            and any(isinstance(node, ast.FunctionDef) and node.name == "command" for node in module.tree.body)
        )

    @cached_property
    def adapters(self) -> Mapping[str, str]:
        """Return the module that alone imports a third party, with that party's name."""
        users: dict[str, set[str]] = defaultdict(set)
        for module in self.modules.values():
            for dotted in module.bound.values():
                users[dotted.partition(".")[0]].add(module.name)
        ignored = {*sys.stdlib_module_names, "deployer", "__future__"}
        return {next(iter(names)): party for party, names in users.items() if len(names) == 1 and party not in ignored}

    def slices(self, without: tuple[str, ...] = ()) -> Mapping[str, str]:
        """Return each module with one importer that is no seam, with that importer; not those that begin like these."""
        seams = {*self.listed, *self.commands, *self.adapters, "deployer.cli"}
        return {
            name: next(iter(importers))
            for name, importers in self.importers.items()
            if len(importers) == 1
            and name not in seams
            and not self.modules[name].is_package
            and not name.startswith(without)
        }

    def class_names(self) -> Mapping[str, list[str]]:
        """Return the class names that stand for more than one thing, with their modules."""
        found: dict[str, list[str]] = defaultdict(list)
        for module in self.modules.values():
            for one in module.classes():
                found[one.name].append(module.name)
        return {name: places for name, places in sorted(found.items()) if len(places) > 1}

    def functions(self) -> Iterator[tuple[str, Function]]:
        return ((module.name, one) for module in self.modules.values() for one in module.functions())


def _dotted(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _is_table(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id in TABLES for target in targets)


def length(function: Function) -> int:
    """Return the lines of a function from `def` to its end; decorators do not count."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def is_annotated(function: Function) -> bool:
    """Whether each parameter (but for self and cls) and the result have a type."""
    spec = function.args
    named = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *filter(None, (spec.vararg, spec.kwarg))]
    typed = all(one.annotation or one.arg in ("self", "cls") for one in named)
    return typed and function.returns is not None


def recipes(root: Path = ROOT) -> Mapping[str, list[str]]:
    """Return the files that each recipe of CONTRIBUTING.md names: the first code of each item under its heading."""
    page = root / "CONTRIBUTING.md"
    found: dict[str, list[str]] = {}
    for part in re.split(r"^### ", page.read_text(encoding="utf-8") if page.exists() else "", flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        section = re.split(r"^#", body, maxsplit=1, flags=re.MULTILINE)[0]
        found[title.strip().lower()] = re.findall(r"^(?:\d+\.|-) `([^`]+)`", section, re.MULTILINE)
    return found


def touched(files: list[str] | None) -> float:
    """Count the files of a recipe outside tests and docs; a recipe that is not written has no end."""
    if not files:
        return float("inf")
    return sum(not name.startswith(("tests/", "docs/", "CHANGELOG", "README")) for name in dict.fromkeys(files))


def pairs(root: Path = ROOT) -> frozenset[str]:
    """Return the class names that the glossary allows twice: the code that begins each item of its section on pairs."""
    page = root / "docs" / "glossary.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    section = re.search(r"^## Pairs\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return frozenset(re.findall(r"^- `(\w+)`", section[1], re.MULTILINE)) if section else frozenset()


def figures(house: House) -> list[Figure]:
    """Return every figure that can be read from the source."""
    sizes = sorted(module.lines for module in house.modules.values())
    functions = sorted(length(one) for _, one in house.functions())
    annotated = [is_annotated(one) for _, one in house.functions()]
    rooms = [
        name
        for name in house.modules
        if name.split(".")[1:2] in (["engine"], ["rollback"]) and not name.startswith(NEWER)
    ]
    newer = [name for name in house.modules if name.startswith(NEWER)]
    twice = house.class_names()
    found = recipes()
    return [
        Figure("modules in deployer/ but for newer capabilities", len(sizes) - len(newer), 200),
        Figure("modules in engine/ and rollback/ together, but for newer capabilities", len(rooms), 24),
        Figure("modules with one importer that are no seam, but for newer capabilities", len(house.slices(NEWER)), 25),
        Figure("lines of the longest file", sizes[-1], 500),
        Figure("lines of a function, median", statistics.median(functions), 7),
        Figure("lines of a function, 90 of 100 are at most", functions[len(functions) * 9 // 10], 16),
        Figure("lines of a function, the longest", functions[-1], 60),
        Figure("functions with every type written", 100 * sum(annotated) / len(annotated), 100, " %", at_least=True),
        Figure("class names that stand for two things, allowed by the glossary", len(set(twice) & pairs()), PAIRS),
        Figure("class names that stand for two things, not allowed", len(set(twice) - pairs()), 0),
        *(Figure(f"files that {name} touches", touched(found.get(name)), most) for name, most in RECIPES.items()),
    ]


def details(house: House) -> Iterator[str]:
    """Yield what stands behind the figures, so that a miss can be mended."""
    packages = Counter(".".join(name.split(".")[1:2]) or "(root)" for name in house.modules)
    lines = sum(module.lines for module in house.modules.values())
    yield f"{lines:,} lines; {len(house.modules)} modules: " + ", ".join(
        f"{name} {count}" for name, count in sorted(packages.items())
    )
    sizes = sorted(((module.lines, name) for name, module in house.modules.items()), reverse=True)
    yield "longest files: " + ", ".join(f"{name} {count}" for count, name in sizes[:5])
    longest = sorted(((length(one), f"{name}.{one.name}") for name, one in house.functions()), reverse=True)
    yield "longest functions: " + ", ".join(f"{name} {count}" for count, name in longest[:5])
    yield from (f"not annotated: {name}.{one.name}" for name, one in house.functions() if not is_annotated(one))
    yield from (f"class twice: {name}: {', '.join(places)}" for name, places in house.class_names().items())
    yield from (f"one importer, no seam: {name} <- {by}" for name, by in sorted(house.slices().items()))
    yield from (f"recipe, {name}: {', '.join(files)}" for name, files in recipes().items())


def measured() -> list[Figure]:
    """Run the suite as `make test` does and return its seconds; start-up has a benchmark with bars of its own."""
    since = time.monotonic()
    suite = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", str((os.cpu_count() or 1) + 1)], cwd=ROOT, check=False
    )
    took = time.monotonic() - since
    startup = subprocess.run([sys.executable, "-m", "benchmarks.startup"], cwd=ROOT, check=False)
    return [
        Figure("the suite, on this machine's cores (two are the measure)", took, 120, " s"),
        Figure(
            "failures of the suite and of benchmarks.startup", sum(bool(one.returncode) for one in (suite, startup)), 0
        ),
    ]


def main(arguments: list[str]) -> int:
    house = House()
    for line in details(house):
        print(line)
    print()
    found = figures(house) + (measured() if "--all" in arguments else [])
    code = told(found)
    if "--all" not in arguments:
        print("not measured here: the suite's time and start-up (--all), mutants killed (make mutants)")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
