"""What a run lost on the way, as its manifest has it, and what of that is made good when a record comes in later.

Devices that were lost stay lost. A record that could not be sent when the run ended is only late: once it is all here,
the run stands as it would without that loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

LOSSES: Final = "losses"
OTHERWISE: Final = "otherwise"
"""Key of the manifest: status and reason that the run would have without its losses."""
CUT_SHORT: Final = "cut short"


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a run lost."""

    what: str
    """In words, for the user."""
    record_of: str = ""
    """The process whose record is not here, where that is all that was lost."""
    made_good: str = ""
    """When the record came in: UTC, ISO 8601."""


def reason_of(losses: Sequence[Loss]) -> str:
    """Why a run with these losses is cut short."""
    return "; ".join(loss.what for loss in losses if not loss.made_good)


def losses_of(manifest: Mapping[str, Any]) -> list[Loss]:
    """The losses that a manifest has; those that cannot be read are passed over."""
    listed = manifest.get(LOSSES)
    found = [dict(one) for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    return [
        Loss(*(str(one.get(name, "")) for name in ("what", "record_of", "made_good"))) for one in found if "what" in one
    ]


def with_losses(status: str, reason: str, losses: Sequence[Loss]) -> dict[str, Any]:
    """The keys of a manifest that say how a run ended which had these losses.

    Args:
        status: how it ended apart from them; one that failed has failed whatever was lost.
        reason: why it is not complete, apart from them.
        losses: what was lost.
    """
    if not losses:
        return {"status": status, "reason": reason}
    told = {LOSSES: [asdict(loss) for loss in losses], OTHERWISE: {"status": status, "reason": reason}}
    left = reason_of(losses)
    if status == "failed" or not left:
        return {"status": status, "reason": reason, **told}
    return {"status": CUT_SHORT, "reason": left, **told}


def made_good(manifest: Mapping[str, Any], process: str, at: str) -> dict[str, Any]:
    """The manifest of a run into which the whole record of a process came at the time ``at``.

    One that has no end yet stays as it is: nobody knows what that run has lost.
    """
    otherwise, losses = manifest.get(OTHERWISE), losses_of(manifest)
    if not isinstance(otherwise, Mapping) or not losses:
        return dict(manifest)
    late = [
        Loss(loss.what, process, at) if loss.record_of == process and not loss.made_good else loss for loss in losses
    ]
    return {**manifest, **with_losses(str(otherwise.get("status", "")), str(otherwise.get("reason", "")), late)}
