"""Locust's page with tabs for firmware updates, and pages of its own: live charts, and the report of the last run."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from flask import Response, request, send_file

from simulator.lwm2m.firmware_table import STATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from locust.web import WebUI

    from simulator.load.watching import Watcher

GROUPS: Final = "firmware-groups"
FAULTS: Final = "firmware-injected"
PAGE: Final = "/firmware"
LOCUSTS: Final = "locust"
"""The blueprint of Locust's own page."""
NO_REPORT: Final = (
    "No run of this page is over, so there is no report yet. Stop the run first; a report takes some seconds."
)

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

_FILES: Final = (
    ("firmware.html", "", "text/html"),
    ("charts.js", "/charts.js", "text/javascript"),
    ("form.js", "/form.js", "text/javascript"),
)
_FORM: Final = '<script src=".{}/form.js"></script></body>'


def _sender(name: str, mimetype: str) -> Callable[[], Response]:
    text = files("simulator.load").joinpath("templates", name).read_text(encoding="utf-8")
    return lambda: Response(text, mimetype=mimetype)


def base_of(web_ui: WebUI) -> str:
    """The path under which Locust's page is (``--web-base-path``); empty by default."""
    assert web_ui.app is not None
    return str(web_ui.app.blueprints[LOCUSTS].url_prefix or "").rstrip("/")


class FirmwarePages:
    """What is added to Locust's page. All of it is behind Locust's login, where that is on.

    Args:
        web_ui: Locust's.
        watcher: knows what there is to show.
    """

    def __init__(self, web_ui: WebUI, watcher: Watcher) -> None:
        self._watcher = watcher
        page = base_of(web_ui) + PAGE
        web_ui.template_args |= {
            "extended_tabs": _TABS,
            "extended_tables": _TABLES,
            "extended_csv_files": [
                {"href": page, "title": "Live charts of the firmware updates"},
                {"href": f"{page}/report", "title": "Report of the last run"},
            ],
        }
        app = web_ui.app
        assert app is not None
        app.after_request(self._extend)
        guard = web_ui.auth_required_if_enabled
        for name, path, mimetype in _FILES:
            app.add_url_rule(page + path, f"firmware_{name}", guard(_sender(name, mimetype)))
        # Every page without an icon of its own asks for this one: the report, these, and Locust's.
        app.add_url_rule("/favicon.ico", "firmware_icon", lambda: Response(status=204))
        app.add_url_rule(f"{page}/live", "firmware_live", guard(self._send_live))
        app.add_url_rule(f"{page}/report", "firmware_report", guard(self._send_report))

    def _send_live(self) -> Response:
        after = request.args.get("after", -1.0, type=float)
        told = self._watcher.live(request.args.get("series", ""), after)
        return Response(json.dumps(told), mimetype="application/json")

    def _send_report(self) -> Response:
        report = self._watcher.report
        if report is None or not report.is_file():
            return Response(NO_REPORT, 404, mimetype="text/plain")
        return send_file(report, max_age=0)

    def _extend(self, response: Response) -> Response:
        if request.path.endswith("/stats/requests") and response.is_json:
            told = response.get_json()
            told["extended_stats"] = [
                {"key": GROUPS, "data": self._watcher.groups()},
                {"key": FAULTS, "data": self._watcher.outcomes()},
            ]
            response.set_data(json.dumps(told))
        elif request.endpoint == f"{LOCUSTS}.index" and response.mimetype == "text/html":
            response.set_data(response.get_data(as_text=True).replace("</body>", _FORM.format(PAGE)))
        return response
