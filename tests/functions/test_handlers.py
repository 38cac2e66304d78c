"""`handler: MODULE:CALLABLE` is read where it lies, and imported only on request."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.functions.python.static import agreement_static
from deployer.manifest import handlers
from deployer.model import Severity
from tests.support.project import Project

DEFINITION = {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}}
GOOD, WRONG = "def f(x: str): ...\n", "def f(x: int): ...\n"
MISFIT = "the schema admits string, the handler takes integer"
BOMB = "raise RuntimeError('this must not run')\n"


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Leave no module of a test's project to the next test."""
    before = dict(sys.modules)
    yield
    for name in sys.modules.keys() - before.keys():
        if name.partition(".")[0] in ("shop", "solo", "f_only"):
            del sys.modules[name]


def said(project: Project, handler: str = "shop.desk:f", *, import_it: bool = False) -> list[str]:
    return [finding.message for finding in handlers.check(project.root, DEFINITION, handler, import_it=import_it)]


@pytest.mark.parametrize(
    ("file", "handler"),
    (
        ("solo.py", "solo:f"),
        ("shop/desk.py", "shop.desk:f"),
        ("shop/__init__.py", "shop:f"),
        ("shop/desk/__init__.py", "shop.desk:f"),
        ("src/shop/desk.py", "shop.desk:f"),
        ("가게/desk.py", "가게.desk:f"),
    ),
)
def test_the_source_is_found_and_not_run(project: Project, file: str, handler: str) -> None:
    project.write(file, BOMB + GOOD)
    assert said(project, handler) == []
    project.write(file, BOMB + WRONG)
    assert said(project, handler) == [MISFIT]


def test_a_package_comes_before_a_module_as_in_python(project: Project) -> None:
    project.write("shop.py", WRONG)
    project.write("shop/__init__.py", GOOD)
    assert said(project, "shop:f") == said(project, "shop:f", import_it=True) == []


@pytest.mark.parametrize(
    "handler", ("", "shop", "shop:", ":f", "shop/desk:f", "shop.desk:f()", "shop..desk:f", "../x:f", "1:f")
)
def test_only_module_and_callable_name_a_handler(project: Project, handler: str) -> None:
    (finding,) = handlers.check(project.root, DEFINITION, handler, import_it=True)
    assert (finding.rule, finding.pointer) == ("handler-form", ("handler",))
    assert finding.remedy == "write it as MODULE:CALLABLE"


def test_a_misspelled_module_of_a_known_package_is_an_error(project: Project) -> None:
    project.write("shop/desk.py", GOOD)
    (finding,) = handlers.check(project.root, DEFINITION, "shop.dask:f", import_it=False)
    assert (finding.rule, finding.severity) == ("handler-missing", Severity.ERROR)
    assert (finding.message, finding.remedy) == ("there is no module 'shop.dask'", "did you mean 'desk'?")


def test_a_module_that_may_be_installed_is_a_warning(project: Project) -> None:
    (finding,) = handlers.check(project.root, DEFINITION, "json:dumps", import_it=False)
    assert (finding.rule, finding.severity) == ("handler-missing", Severity.WARNING)
    assert "--import-handlers" in finding.remedy


def test_a_module_outside_of_the_folder_is_not_read(project: Project) -> None:
    outside = project.root.parent / "outside.py"
    outside.write_text(WRONG, encoding="utf-8")
    (project.root / "solo.py").symlink_to(outside)
    assert said(project, "solo:f") == ["there is no module 'solo' below the manifest's folder"]


@pytest.mark.parametrize(
    ("source", "message"),
    (
        ("def f(:\n", "cannot be parsed (invalid syntax, line 1)"),
        ("\0", "cannot be parsed ("),
        ("x = " + "(" * 5000, "cannot be parsed ("),
        ("x = " + "-" * 100_000 + "1", "cannot be parsed (it is nested too deeply)"),
        ("x = " + "-" * 1_100 + "1", "cannot be parsed (it is nested too deeply)"),
        ("if x: pass\n" + "elif x: pass\n" * 1_100, "cannot be parsed (it is nested too deeply)"),
        (b"# \xff\n", "this is not UTF-8 text"),
    ),
)
def test_a_module_that_cannot_be_read_is_a_warning(project: Project, source: str | bytes, message: str) -> None:
    project.write("solo.py", source)
    (finding,) = handlers.check(project.root, DEFINITION, "solo:f", import_it=False)
    assert (finding.rule, finding.severity) == ("handler-unreadable", Severity.WARNING)
    assert message in finding.message


@pytest.mark.filterwarnings("error")
def test_the_module_may_be_careless(project: Project) -> None:
    project.write("solo.py", 'PATTERN = "\\d"\nassert (1, "x")\n' + WRONG)
    assert said(project, "solo:f") == [MISFIT]


@pytest.mark.parametrize(
    "source",
    (
        "import functools\n@functools.cache\n" + WRONG,
        "from functools import lru_cache as cached\n@cached(maxsize=3)\n" + WRONG,
        "if True:\n    " + WRONG,
        "try:\n    import orjson\nexcept ImportError:\n    orjson = None\n" + WRONG,
        "from typing import overload\n@overload\ndef f(x: str): ...\n@overload\ndef f(x: bytes): ...\n" + WRONG,
        "async " + WRONG,
        "from __future__ import annotations\n" + WRONG,
        "from typing_extensions import Optional\ndef f(x: Optional[int]): ...\n",
        "import typing\ndef f(x: typing.Annotated['int', 'how many']): ...\n",
    ),
)
def test_what_is_plain_to_see_is_judged(source: str) -> None:
    (finding,) = agreement_static(DEFINITION, source, "f")
    assert finding.message.startswith("the schema admits string, the handler takes integer")


@pytest.mark.parametrize(
    "source",
    (
        "def tool(function): ...\n@tool\n" + WRONG,
        "import agents\n@agents.function_tool(strict=True)\n" + WRONG,
        WRONG + "f = print\n",
        WRONG + "from other import f\n",
        "if True:\n    def f(x: int): ...\nelse:\n    def f(x: str): ...\n",
        "from other import *\n",
        "def __getattr__(name): ...\n",
        "import functools\nf = functools.partial(print, 1)\n",
        "with open('a') as f: ...\n",
        "for f in (): ...\n",
        "if (f := print): ...\n",
        "class f: ...\n",
        "class int: ...\n" + WRONG,
        "int = str\n" + WRONG,
        "from other import int\n" + WRONG,
        "from .typing import Literal\ndef f(x: Literal['a']): ...\n",
        "import enum\ndef f(x: enum.Enum): ...\n",
        "from other import Color\nfrom typing import Literal\ndef f(x: Literal[Color.RED]): ...\n",
        "def f(x: undefined | int): ...\n",
        "def f(x: list[undefined] | str): ...\n",
        "def f(x: 'int |'): ...\n",
        "def f(x: int = object() if True else None): ...\n".replace("int", "str"),
    ),
)
def test_what_is_not_plain_is_left_alone(source: str) -> None:
    assert agreement_static({**DEFINITION, "strict": True}, source, "f") == ()


def test_a_missing_function_is_named_with_the_nearest() -> None:
    (finding,) = agreement_static(DEFINITION, "def find_order(x: str): ...\n", "find_oder")
    assert (finding.rule, finding.pointer) == ("handler-missing", ("handler",))
    assert (finding.message, finding.remedy) == ("the module defines no 'find_oder'", "did you mean 'find_order'?")


CLASS = """
class Desk:
    @staticmethod
    def plain(x: int): ...
    @classmethod
    def of(cls, x: int): ...
    def ask(self, x: str): ...
    class Inner:
        @staticmethod
        def deep(x: int): ...
class Child(Desk): ...
"""


@pytest.mark.parametrize(
    ("name", "messages"),
    (
        ("Desk.plain", [MISFIT]),
        ("Desk.of", [MISFIT]),
        ("Desk.Inner.deep", [MISFIT]),
        ("Desk.ask", ["the handler needs 'self', which the schema does not declare"]),
        ("Desk.nothing", ["the module defines no 'nothing'"]),
        ("Dask.plain", ["the module defines no 'Dask'"]),
        ("Child.plain", []),
    ),
)
def test_handlers_may_stand_in_classes(project: Project, name: str, messages: list[str]) -> None:
    project.write("solo.py", CLASS)
    assert said(project, f"solo:{name}") == messages
    if "no" not in "".join(messages).split():
        expected = messages or [MISFIT]
        assert said(project, f"solo:{name}", import_it=True) == expected


IMPORTED: tuple[tuple[str, str, str], ...] = (
    (WRONG, MISFIT, "change the schema or the annotation"),
    (
        "import nowhere_at_all\n",
        "solo imports 'nowhere_at_all' at solo.py:1, which is not installed here",
        "install it",
    ),
    ("x = 1\n1 / 0\n", "importing solo fails at solo.py:2: ZeroDivisionError: division by zero", "correct the module"),
    ("import sys\nsys.exit('bye')\n", "importing solo fails at solo.py:2: SystemExit: bye", "correct the module"),
    ("def f(:\n", "importing solo fails at solo.py:1: SyntaxError: invalid syntax", "correct the module"),
    ("def ff(x): ...\n", "solo:f: there is no 'f' in solo", "did you mean 'ff'?"),
    ("f = 3\n", "solo:f is an int, not a callable", "name a function"),
    (
        "from other_nowhere import f\n",
        "solo imports 'other_nowhere' at solo.py:1, which is not installed here",
        "install it",
    ),
    ("def f(x: 'Nope'): ...\n", "an annotation of f names Nope, which its module lacks", "import it outside"),
)


@pytest.mark.parametrize(("source", "message", "remedy"), IMPORTED)
def test_imported_on_request(project: Project, source: str, message: str, remedy: str) -> None:
    project.write("solo.py", source)
    before = list(sys.path)
    (finding,) = handlers.check(project.root, DEFINITION, "solo:f", import_it=True)
    assert finding.message == message
    assert finding.remedy.startswith(remedy)
    assert sys.path == before


def test_an_import_sees_what_source_does_not_show(project: Project) -> None:
    project.write(
        "src/shop/desk.py",
        "print('hello')\nimport functools\ndef g(x: int, y: int): ...\nf = functools.partial(g, y=1)\n",
    )
    assert said(project) == []
    assert said(project, import_it=True) == [MISFIT]


def test_an_import_finds_what_is_not_there(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(project, "f_only:f", import_it=True) == ["there is no module 'f_only'"]
    project.write("f_only.py", "print('loud')\n" + GOOD)
    assert said(project, "f_only:f", import_it=True) == []
    assert capsys.readouterr() == ("", "loud\n")


def test_a_place_outside_of_the_working_folder_is_told_in_full(project: Project, monkeypatch: Any) -> None:
    project.write("solo.py", "1 / 0\n")
    (project.root / "elsewhere").mkdir()
    monkeypatch.chdir(project.root / "elsewhere")
    assert f"{project.root / 'solo.py'}:1" in said(project, "solo:f", import_it=True)[0]


def test_no_folder_at_all_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert handlers.check(tmp_path / "none", DEFINITION, "solo:f", import_it=False)[0].rule == "handler-missing"
