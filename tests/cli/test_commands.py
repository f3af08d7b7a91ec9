"""Which commands there are: each is imported only when it is asked for, so no import would miss one."""

import pytest
from typer.testing import CliRunner

from app.cli.commands import ELSEWHERE, app


def test_the_help_names_the_commands_of_other_modules_too() -> None:
    shown = CliRunner().invoke(app, ["--help"])

    assert shown.exit_code == 0
    assert {name for name in (*ELSEWHERE, "worker", "migrate", "audit") if f" {name} " not in shown.output} == set()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_each_of_them_says_what_it_does(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"])

    assert shown.exit_code == 0
    assert f"{name} [OPTIONS]" in shown.output


def test_a_command_that_is_not_there_is_refused() -> None:
    assert CliRunner().invoke(app, ["nothing"]).exit_code == 2
