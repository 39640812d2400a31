"""Which Locust a fleet runs under."""

from __future__ import annotations

import tomllib
from importlib import metadata

import pytest
from packaging.specifiers import SpecifierSet

from simulator.load.versions import ANY, TESTED, problem_of
from tests.load.locust_runs import ROOT


@pytest.mark.parametrize("version", ["2.46.9", "2.48.0", "2.470.1", "3.0", "2.4"])
def test_another_version_is_refused_with_words_that_help(version, monkeypatch):
    monkeypatch.delenv(ANY, raising=False)
    problem = problem_of(version)
    assert f"Locust {version} has not been tested" in problem
    assert "pip install 'locust==2.47.*'" in problem
    monkeypatch.setenv(ANY, "1")
    assert problem_of(version) == ""


def test_the_tested_versions_are_those_that_are_installed_and_those_of_the_package(monkeypatch):
    monkeypatch.delenv(ANY, raising=False)
    assert problem_of(metadata.version("locust")) == ""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (wanted,) = [line for line in project["dependencies"] if line.startswith("locust")]
    versions = SpecifierSet(wanted.removeprefix("locust"))
    for minor in range(30, 70):
        assert (f"2.{minor}.1" in versions) is (f"2.{minor}" in TESTED)
        assert (problem_of(f"2.{minor}.1") == "") is (f"2.{minor}" in TESTED)
