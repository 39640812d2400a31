"""Locust's page with a tab for firmware updates, and a page of its own with live charts."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from flask import Response, request

from simulator.lwm2m.firmware_table import STATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from locust.web import WebUI

GROUPS: Final = "firmware-groups"
FAULTS: Final = "firmware-injected"
PAGE: Final = "/firmware"

_TABS: Final = [{"title": "Firmware", "key": GROUPS}, {"title": "Injected", "key": FAULTS}]
_TABLES: Final = [
    {
        "key": GROUPS,
        "structure": [
            {"key": "group", "title": "Group"},
            {"key": "devices", "title": "Devices on"},
            *({"key": state, "title": state.capitalize()} for state in STATES),
            {"key": "results", "title": "Update Results"},
        ],
    },
    {
        "key": FAULTS,
        "structure": [
            {"key": "group", "title": "Group"},
            {"key": "fault", "title": "Injected"},
            {"key": "declared", "title": "Declared"},
            {"key": "observed", "title": "Server told"},
            {"key": "ok", "title": "As declared"},
            {"key": "fail", "title": "Otherwise"},
            {"key": "unknown", "title": "Unknown"},
        ],
    },
]


def rows_of(gauges: dict[str, list[list[Any]]]) -> list[dict[str, Any]]:
    """The gauges as rows of the tab: one for each group."""
    rows: dict[str, dict[str, Any]] = {}
    for group, number, devices in gauges["states"]:
        row = rows.setdefault(group, {"group": group, "devices": 0, **dict.fromkeys(STATES, 0), "results": ""})
        row["devices"] += devices
        row[STATES[number]] += devices
    for group, number, devices in gauges["results"]:
        if number and group in rows:
            rows[group]["results"] += f"{', ' if rows[group]['results'] else ''}{number}: {devices}"
    return list(rows.values())


class FirmwarePages:
    """What is added to Locust's page.

    Args:
        web_ui: Locust's.
        groups: gives the rows of the tab.
        outcomes: gives the rows of the table of injected faults.
        live: gives what the charts show.
    """

    def __init__(
        self,
        web_ui: WebUI,
        groups: Callable[[], list[dict[str, Any]]],
        outcomes: Callable[[], list[dict[str, Any]]],
        live: Callable[[], dict[str, Any]],
    ) -> None:
        self._groups = groups
        self._outcomes = outcomes
        self._live = live
        page = files("simulator.load").joinpath("templates/firmware.html").read_text(encoding="utf-8")
        web_ui.template_args |= {
            "extended_tabs": _TABS,
            "extended_tables": _TABLES,
            "extended_csv_files": [{"href": PAGE, "title": "Live charts of the firmware updates"}],
        }
        app = web_ui.app
        assert app is not None
        app.after_request(self._extend)
        guard = web_ui.auth_required_if_enabled
        app.add_url_rule(PAGE, "firmware", guard(lambda: Response(page, mimetype="text/html")))
        app.add_url_rule(f"{PAGE}/live", "firmware_live", guard(self._send_live))

    def _send_live(self) -> Response:
        return Response(json.dumps(self._live()), mimetype="application/json")

    def _extend(self, response: Response) -> Response:
        if request.path.endswith("/stats/requests") and response.is_json:
            told = response.get_json()
            told["extended_stats"] = [
                {"key": GROUPS, "data": self._groups()},
                {"key": FAULTS, "data": self._outcomes()},
            ]
            response.set_data(json.dumps(told))
        return response
