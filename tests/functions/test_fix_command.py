"""`deployer functions fix`: the diff, the exit code, and how files are written."""

from __future__ import annotations

import pytest

from tests.support.project import Project

TEXT = """
    # quiz
    name: quiz
    parameters:
      type: object
      properties: {a: {type: string}}
      required: [a]
    """
STRICT = "  additionalProperties: false\nstrict: true\n"
WHY = "admits properties that are not declared, which strict cannot say; declare all properties"
OPEN = "name: open\nparameters:\n  type: object\n  properties:\n    a: {type: object}\n"


def test_it_shows_a_diff_and_writes_nothing(project: Project) -> None:
    path = project.write("quiz.yaml", TEXT)
    before = path.read_bytes()
    result = project.run("functions", "fix", "quiz.yaml")
    assert result.out.splitlines() == [
        "--- a/quiz.yaml",
        "+++ b/quiz.yaml",
        "@@ -4,4 +4,6 @@",
        "   type: object",
        "   properties: {a: {type: string}}",
        "   required: [a]",
        "+  additionalProperties: false",
        "+strict: true",
        " ",
        "1 file to change, 0 refused; write with --write",
    ]
    assert (result.code, result.err, path.read_bytes()) == (0, "", before)


def test_a_fault_stands_where_check_finds_it(project: Project) -> None:
    project.write("f.yaml", "name: f\nparameters: {type: object, properties: {a: {type: str, minLength: 3}}}\n")
    found = [project.run("functions", command, "f.yaml").err.splitlines() for command in ("check", "fix")]
    places = [line.partition(": ")[0] for lines in found for line in lines if "'str' is not a type" in line]
    assert places == ["f.yaml:2:51"] * 2


def test_it_writes_when_asked_and_then_has_nothing_to_do(project: Project) -> None:
    path = project.write("quiz.yaml", TEXT)
    before = path.read_text(encoding="utf-8")
    assert project.run("functions", "fix", "quiz.yaml", "--write").code == 0
    assert path.read_text(encoding="utf-8") == before + STRICT
    assert project.run("functions", "fix", "quiz.yaml", "--write").out == "0 files changed, 0 refused\n"
    assert [one.name for one in project.root.iterdir()] == ["quiz.yaml"]


def test_one_refused_file_does_not_keep_the_others(project: Project) -> None:
    project.write("open.yaml", OPEN)
    quiz = project.write("quiz.yaml", TEXT)
    result = project.run("functions", "fix", "open.yaml", "missing.yaml", "quiz.yaml", "--write")
    assert result.code == 1
    assert result.err.splitlines() == [
        f"open.yaml:5:8: parameters/properties/a: {WHY}",
        "missing.yaml does not exist; create it, or correct the path",
    ]
    assert result.out.splitlines()[-1] == "1 file changed, 2 refused"
    assert quiz.read_text(encoding="utf-8").endswith(STRICT)
    assert (project.root / "open.yaml").read_text(encoding="utf-8") == OPEN


@pytest.mark.parametrize("start", (b"", b"\xef\xbb\xbf"))
@pytest.mark.parametrize("end", (b"\n", b"\r\n"))
def test_line_ends_and_byte_order_mark_stay(project: Project, start: bytes, end: bytes) -> None:
    path = project.write("quiz.yaml", TEXT)
    before = start + path.read_bytes().replace(b"\n", end)
    path.write_bytes(before)
    assert project.run("functions", "fix", "quiz.yaml", "--write").code == 0
    assert path.read_bytes() == before + STRICT.encode().replace(b"\n", end)


def test_mixed_line_ends_are_refused(project: Project) -> None:
    path = project.write("quiz.yaml", TEXT)
    before = path.read_bytes().replace(b"\n", b"\r\n", 1)
    path.write_bytes(before)
    result = project.run("functions", "fix", "quiz.yaml", "--write")
    assert (result.code, path.read_bytes()) == (1, before)
    assert "quiz.yaml:2:1: the file mixes line ends" in result.err


def test_links_and_permissions_stay(project: Project) -> None:
    path = project.write("real/quiz.yaml", TEXT)
    path.chmod(0o640)
    link = project.root / "quiz.yaml"
    link.symlink_to(path)
    assert project.run("functions", "fix", "quiz.yaml", "--write").code == 0
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_text(encoding="utf-8").endswith(STRICT)


def test_the_example_becomes_strict(example: Project) -> None:
    result = example.run("functions", "fix", "functions/display_quiz.yaml", "--write")
    assert result.code == 0
    checked = example.run("functions", "compare", "functions/display_quiz.yaml", "functions/display_quiz.yaml")
    assert checked.out == "no differences\n"
    assert "strict: true" in (example.root / "functions/display_quiz.yaml").read_text(encoding="utf-8")


def test_what_fix_refuses_stands_where_check_finds_it(project: Project) -> None:
    inner = "{type: object, properties: {x: {type: string}}}"
    text = f"name: f\nparameters:\n  type: object\n  properties:\n    a: {inner}\n    b: {{$ref: '#/properties/a'}}\n"
    project.write("f.yaml", text + "strict: true\n")
    (refused,) = [line for line in project.run("functions", "fix", "f.yaml").err.splitlines() if "$ref" in line]
    assert refused.startswith("f.yaml:6:15: ")
    assert "f.yaml:6:15: " in project.run("functions", "check", "f.yaml").err


def test_a_link_that_leads_nowhere_is_told_by_both(project: Project) -> None:
    (project.root / "f.yaml").symlink_to("nowhere.yaml")
    for word in ("check", "fix"):
        result = project.run("functions", word, "f.yaml")
        assert (result.code, "f.yaml is a link that leads nowhere" in result.err) == (1, True)
