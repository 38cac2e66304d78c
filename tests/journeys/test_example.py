"""The example, end to end on both surfaces: empty → applied → the next plan is empty."""

import pytest

from tests.support.project import Project


@pytest.mark.parametrize("account", ("embedded", "local-agents"))
def test_the_example_goes_live(example: Project, account: str) -> None:
    assert example.run("validate", "--account", account).code == 0
    assert example.run("plan", "--account", account, "--exit-code").code == 2
    applied = example.run("apply", "--account", account, "--yes")
    assert applied.code == 0, applied.out + applied.err
    assert "The next plan is empty." in applied.out
    assert example.run("plan", "--account", account, "--exit-code").code == 0
