"""deployer functions from-python: the definition and nothing else on standard output."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deployer.commands.functions.from_python import command
from deployer.errors import EXIT_FAILED, EXIT_USAGE, DeployerError
from deployer.manifest import yaml12
from deployer.manifest.yaml12 import yaml_text
from tests.support.project import Project, Result

ROOT = Path(__file__).parent.parent.parent
TOOLS = '''
    import subprocess, sys
    from enum import Enum
    from typing import Literal

    print("printed")
    sys.__stdout__.write("written\\n")
    subprocess.run([sys.executable, "-c", "print('by a child')"], check=True)

    class Unit(Enum):
        C = "c"
        F = "f"

    LIMIT = 3

    def get_weather(city: str, unit: Unit = Unit.C, on: Literal["no", "0o17"] = "no") -> str:
        """Get the weather
        of a city.

        It rains.

        Args:
            city: 도시
            unit: One of
                - c
                - f
        """

    def any_weather(city, **rest): ...
'''
YAML = """\
name: get_weather
description: |-
  Get the weather of a city.

  It rains.
parameters:
  type: object
  properties:
    city:
      type: string
      description: 도시
    unit:
      type: string
      description: |-
        One of
        - c
        - f
      enum:
        - c
        - f
      default: c
    'on':
      type: string
      enum:
        - 'no'
        - '0o17'
      default: 'no'
  required:
    - city
  additionalProperties: false
"""


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in ("weather", "loud")]:
        del sys.modules[name]


def run(*arguments: str) -> Result:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = command.main(list(arguments), standalone_mode=False)
        except DeployerError as error:
            print(error, file=err)
            code = error.exit_code
    return Result(code, out.getvalue(), err.getvalue())


def test_nothing_but_yaml_reaches_standard_output(project: Project) -> None:
    project.write("weather/__init__.py", "import atexit\natexit.register(print, 'at the end')\n")
    project.write("weather/tools.py", TOOLS)
    load = "from deployer.commands.functions.from_python import command; command()"
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {load}"
    shown = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code, "weather.tools:get_weather"],
        cwd=project.root,
        env={"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert shown.stdout == YAML
    said = {"printed", "written", "by a child", "at the end", "note: the parameter on has no description"}
    assert set(shown.stderr.splitlines()) == said


def test_json_and_strict(project: Project) -> None:
    project.write("weather/tools.py", TOOLS)
    result = run("weather.tools:get_weather", "--strict", "--format", "json")
    assert list(result.json()) == ["name", "description", "parameters", "strict"]
    assert result.json()["parameters"]["required"] == ["city", "unit", "on"]
    assert "도시" in result.out
    assert yaml12.read(run("weather.tools:get_weather", "--strict").out)[0] == result.json()


@pytest.mark.parametrize(
    ("argument", "code", "sentence"),
    (
        ("weather.tools", EXIT_USAGE, "'weather.tools' names no callable; write it as MODULE:CALLABLE"),
        (
            "weather.tools:get_wether",
            EXIT_FAILED,
            "there is no 'get_wether' in weather.tools; did you mean 'get_weather'?",
        ),
        ("weather.tools:Unit.G", EXIT_FAILED, "weather.tools:Unit.G: there is no 'G' in Unit; "),
        ("weather.tools:LIMIT", EXIT_FAILED, "weather.tools:LIMIT is an int, not a callable; name a function"),
        ("weather.tolls:x", EXIT_FAILED, "there is no module 'weather.tolls'; run this in the folder that contains it"),
        ("weather.bad:x", EXIT_FAILED, "importing weather.bad fails at weather/bad.py:2: ValueError: no; correct"),
    ),
)
def test_a_failure_is_a_sentence(project: Project, argument: str, code: int, sentence: str) -> None:
    project.write("weather/tools.py", TOOLS)
    project.write("weather/bad.py", "print('x')\nraise ValueError('no')\n")
    result = run(argument)
    assert (result.code, result.out) == (code, "")
    assert sentence in result.err
    assert "Traceback" not in result.err


def test_it_is_a_verb_of_functions(project: Project) -> None:
    project.write("weather/tools.py", TOOLS)
    assert project.run("functions", "from-python", "weather.tools:get_weather").out == YAML
    refused = project.run("functions", "from-python", "weather.tools:LIMIT")
    assert (refused.code, refused.out) == (EXIT_FAILED, "")
    assert refused.err.endswith("weather.tools:LIMIT is an int, not a callable; name a function\n")


def test_help_shows_an_example() -> None:
    result = run("--help")
    assert "Example:\n    deployer functions from-python app.tools:get_weather >" in result.out


json_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
    | st.sampled_from(
        ["no", "on", "0o17", "0x1f", "08", "1e3", ".5", "~", "", " a", "a: b", "# a", "- a", "a\nb", "a\n\n", "=", "<<"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abn#:\n 0", max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(json_data)
def test_yaml_means_what_the_data_says(data: object) -> None:
    text = yaml_text(data)
    assert yaml12.read(text)[0] == data
    assert yaml.safe_load(text) == data
    assert json.dumps(yaml12.read(text)[0]) == json.dumps(data)
