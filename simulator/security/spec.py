"""What credentials a device is to have, right or wrong on purpose: a configuration, without any key in it.

"Works over coap, fails over coaps" is nearly always one of the wrongs below. Each is brought about by its real
mechanism: the device has a key that the server has not, or looks for a name that the certificate is not for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["psk", "x509", "oscore"]
Wrong = Literal[
    "", "missing", "wrong-key", "unknown-identity", "unknown-ca", "wrong-host", "expired", "untrusted"
]  # fmt: skip

NEEDS: Final[dict[str, Kind]] = {"coaps": "psk", "coaps+tcp": "x509", "https": "x509"}
"""What a device has for a scheme where nothing else is said."""
SHOWN: Final[dict[str, tuple[Kind, ...]]] = {
    "coap": ("oscore",),
    "coaps": ("psk", "x509"),
    "coaps+tcp": ("x509", "psk"),
    "https": ("x509",),
}
"""What a device shows to a server of a scheme: the first of these that it has, and nothing else."""
WRONGS: Final[dict[str, frozenset[str]]] = {
    "psk": frozenset({"", "missing", "wrong-key", "unknown-identity"}),
    "x509": frozenset({"", "missing", "unknown-ca", "wrong-host", "expired", "untrusted"}),
    "oscore": frozenset({"", "missing", "wrong-key", "unknown-identity"}),
}
"""What can be wrong with a kind of credential."""


@dataclass(frozen=True, slots=True)
class CredentialSpec:
    """One set of credentials of a device.

    Attributes:
        kinds: what it has; empty for a device that needs none.
        wrong: what is wrong with it; empty for nothing.
        psk_file: takes keys from a file (``load_psks``) instead of from the seed.
        certificate, key: PEM files of the device's identity, instead of one that the run's CA makes; ``{endpoint}`` in
            their names is replaced.
        trust: PEM file with the CAs that the device trusts, instead of the run's.
        server_name: the name that the server has to show, instead of the host of the URI.
    """

    kinds: frozenset[Kind] = frozenset()
    wrong: Wrong = ""
    psk_file: str = ""
    certificate: str = ""
    key: str = ""
    trust: str = ""
    server_name: str = ""

    @property
    def text(self) -> str:
        """For a record: ``psk``, ``psk+x509``, ``x509 (expired)``; empty for none."""
        kinds = "+".join(sorted(self.kinds))
        return f"{kinds} ({self.wrong})" if self.wrong else kinds

    def shown(self, scheme: str) -> Kind | None:
        """The kind that is shown to a server of this scheme; None for none."""
        return next((kind for kind in SHOWN.get(scheme, ()) if kind in self.kinds), None)

    def wrong_for(self, scheme: str) -> Wrong:
        """What a server of this scheme sees of what is wrong; ``missing`` where the device has nothing to show it."""
        shown = self.shown(scheme)
        if shown is None:
            return "missing" if scheme in NEEDS else ""
        return self.wrong if self.wrong in WRONGS[shown] else ""


NO_CREDENTIALS: Final = CredentialSpec()


def kinds_for(*schemes: str) -> frozenset[Kind]:
    """What a device needs for these URI schemes."""
    return frozenset(NEEDS[scheme] for scheme in schemes if scheme in NEEDS)
