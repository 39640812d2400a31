"""How the templates of the pages are filled in: all text is escaped, and a name that is missing is an error."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import jinja2


def data_uri(svg: bytes) -> str:
    """A figure as the address of itself, so that a page fetches nothing."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")


def template(name: str, **filters: Callable[..., Any]) -> jinja2.Template:
    """A template of this package, with the filters that it uses."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(name)
