"""The files of containers and dashboards: they can be parsed, and name what there is."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest
import yaml

from simulator.cli.metrics import FleetCollector, Totals
from simulator.load.options import add_options

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "docs" / "deploy"
LOCUSTS_OWN = {"--master", "--worker", "--master-host", "--master-bind-host", "--web-host"}


class Parser(argparse.ArgumentParser):
    """Takes what Locust's parser takes beside."""

    def add_argument(self, *args, env_var=None, include_in_web_ui=True, **kw):
        return super().add_argument(*args, **kw)


@pytest.fixture(scope="module")
def options():
    parser = Parser()
    add_options(parser)
    return LOCUSTS_OWN | set(parser._option_string_actions)


def words_of(value):
    """All texts in a document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [word for part in value for word in words_of(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("path", [ROOT / "compose.yaml", DEPLOY / "kubernetes.yaml"], ids=lambda path: path.name)
def test_options_in_the_files_exist(path, options):
    documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    services = {"prometheus", "grafana"}
    for document in documents:
        for name in services & document.get("services", {}).keys():
            del document["services"][name]
    given = {word.partition("=")[0] for word in words_of(documents) if word.startswith("--")}
    assert len(given) >= 5
    assert given <= options


def test_files_that_compose_mounts_are_there():
    document = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    mounts = [word for word in words_of(document["services"]) if word.startswith("./")]
    assert len(mounts) == 4
    assert all((ROOT / mount.split(":")[0]).is_file() for mount in mounts)


def test_the_dashboard_asks_for_metrics_that_there_are():
    totals = Totals()
    totals.add_update("coap", "ok", 1.0)
    known = {family.name for family in FleetCollector(lambda: totals).collect()}
    board = json.loads((DEPLOY / "grafana" / "lwm2m-fleet.json").read_text(encoding="utf-8"))
    asked = {name for word in words_of(board) for name in re.findall(r"lwm2m_fleet_[a-z_]+", word)}
    assert len(board["panels"]) == 8
    assert {re.sub(r"_(total|bucket)$", "", name) for name in asked} == known


def test_prometheus_asks_where_the_master_answers():
    asked = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    (target,) = asked["scrape_configs"][0]["static_configs"][0]["targets"]
    assert f"--fleet-metrics={target.rpartition(':')[2]}" in (ROOT / "compose.yaml").read_text(encoding="utf-8")
