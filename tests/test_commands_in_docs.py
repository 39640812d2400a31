"""Every command line in the documentation can be typed as it stands, and those that are quick and harmless are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from simulator.cli.app import app
from simulator.cli.run import load_scenario
from tests.cli.in_process import typed

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))]
COMMAND = re.compile(r"\s*(?:\$ )?(?P<line>(?:lwm2m-fleet|make|python -m|locust) .*)")
USAGE_ERROR = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
HARMLESS = {"schema", "devices", "package"}
"""What is carried out; what a run, a matrix and the like do is for the tests of those."""
OWN_FILES = {"scenario.toml": "scenarios/credentials.toml"}
"""Files that a reader has, and what stands for them here."""


class Command(NamedTuple):
    """A command line of a page."""

    place: str
    words: list[str]

    def __str__(self):
        return f"{self.place} {' '.join(self.words)}"


def commands_of(page, text):
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            inside = not inside
        elif inside and (match := COMMAND.fullmatch(line)):
            yield Command(f"{page}:{number}", shlex.split(match["line"], comments=True))


COMMANDS = [one for page in PAGES for one in commands_of(page, (ROOT / page).read_text(encoding="utf-8"))]
OURS = [one for one in COMMANDS if one.words[0] == "lwm2m-fleet"]


def parsed(words):
    """The options of a command line of ours, by name, and the name of its command."""
    group = typer.main.get_command(app)
    with group.context_class(group, info_name="lwm2m-fleet") as context:
        name, command, rest = group.resolve_command(context, list(words))
        with command.make_context(name, rest, parent=context) as own:
            return name, own.params


def problem_of(command):
    """What is wrong with a command line of ours; empty for nothing."""
    try:
        name, options = parsed(command.words[1:])
    except USAGE_ERROR as error:
        return f"{command}: {error.format_message()}"
    scenario = Path(options.get("scenario") or "none")
    if name in ("run", "devices") and (ROOT / scenario).is_file():
        load_scenario(ROOT / scenario, tuple(options.get("overrides") or ()), options.get("devices"))
    elif scenario.parts[0] == "scenarios":
        return f"{command}: there is no {scenario}"
    return ""


def test_there_are_commands_of_each_kind():
    assert {one.words[0] for one in COMMANDS} == {"lwm2m-fleet", "make", "python", "locust"}
    assert len(OURS) > 25


@pytest.mark.parametrize("command", OURS, ids=str)
def test_a_command_is_understood(command):
    assert problem_of(command) == ""


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("lwm2m-fleet run scenarios/first.toml --quickly", "--quickly"),
        ("lwm2m-fleet fly", "fly"),
        ("lwm2m-fleet run scenarios/none.toml", "scenarios/none.toml"),
        ("lwm2m-fleet run scenarios/first.toml --devices many", "many"),
    ],
)
def test_a_wrong_one_is_found(line, wrong):
    (command,) = commands_of("page", f"```\n{line}  # words\n```")
    assert wrong in problem_of(command)


@pytest.mark.parametrize("command", [one for one in OURS if one.words[1] in HARMLESS], ids=str)
def test_a_harmless_command_does_its_work(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    for name, there in OWN_FILES.items():
        (tmp_path / name).symlink_to(ROOT / there)
    code, text = typed(*command.words[1:])
    assert code == 0, text


def test_targets_of_make_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {word for one in COMMANDS if one.words[0] == "make" for word in one.words[1:] if "=" not in word}
    assert asked <= targets


def test_modules_that_are_started_exist():
    for one in COMMANDS:
        if one.words[0] == "python":
            place = ROOT / one.words[2].replace(".", "/")
            assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), str(one)
