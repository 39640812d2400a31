"""What pyOpenSSL has no public way to: pre-shared keys, groups, the name of the peer, and whether a session came back.

Everything private that this project uses of pyOpenSSL is in this file, and ``tests/transport/test_tls_openssl.py``
fails where an upgrade takes it away. Callbacks run inside OpenSSL and must not raise.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from typing import Any, Final

from OpenSSL import SSL

log = logging.getLogger(__name__)

_lib: Any = SSL._lib  # type: ignore[attr-defined]  # noqa: SLF001  see the module's docstring
_ffi: Any = SSL._ffi  # type: ignore[attr-defined]  # noqa: SLF001
_connections: Any = SSL.Connection._reverse_mapping  # noqa: SLF001

NEEDED: Final = (
    "SSL_CTX_set_psk_client_callback",
    "SSL_CTX_set_psk_server_callback",
    "SSL_CTX_set1_curves_list",
    "SSL_get0_param",
    "SSL_set_SSL_CTX",
    "SSL_set_bio",
    "BIO_get_mem_data",
    "X509_VERIFY_PARAM_set1_host",
    "X509_VERIFY_PARAM_set1_ip",
    "SSL_session_reused",
)
"""Functions of OpenSSL that must be within reach."""

ClientPsk = Callable[[SSL.Connection], tuple[bytes, bytes] | None]
"""Gives identity and key for a connection, or None where there is none."""
ServerPsk = Callable[[SSL.Connection, bytes], bytes | None]
"""Gives the key of an identity, or None where nobody knows it."""


def missing() -> list[str]:
    """What this version of pyOpenSSL lacks; nothing, where the versions of pyproject.toml are kept."""
    return [name for name in NEEDED if not hasattr(_lib, name)]


def use_client_psk(context: SSL.Context, psk: ClientPsk) -> object:
    """Let connections of a context offer a pre-shared key (RFC 4279; in TLS 1.3 RFC 8446 §4.2.11).

    Gives what must be kept for as long as the context.
    """

    def answer(ssl: Any, _hint: Any, identity: Any, identity_max: int, key: Any, key_max: int) -> int:
        try:
            pair = psk(_connections[ssl])
        except Exception:
            log.exception("no PSK could be given")
            return 0
        if pair is None or len(pair[0]) >= identity_max or len(pair[1]) > key_max or b"\0" in pair[0]:
            return 0
        _ffi.memmove(identity, pair[0] + b"\0", len(pair[0]) + 1)
        _ffi.memmove(key, pair[1], len(pair[1]))
        return len(pair[1])

    signature = "unsigned int(SSL *, const char *, char *, unsigned int, unsigned char *, unsigned int)"
    callback: object = _ffi.callback(signature, answer)
    _lib.SSL_CTX_set_psk_client_callback(_context(context), callback)
    return callback


def use_server_psk(context: SSL.Context, psk: ServerPsk) -> object:
    """Let connections of a context take pre-shared keys.

    Gives what must be kept for as long as the context.
    """

    def answer(ssl: Any, identity: Any, key: Any, key_max: int) -> int:
        try:
            found = psk(_connections[ssl], _ffi.string(identity))
        except Exception:
            log.exception("no PSK could be looked up")
            return 0
        if found is None or len(found) > key_max:
            return 0
        _ffi.memmove(key, found, len(found))
        return len(found)

    signature = "unsigned int(SSL *, const char *, unsigned char *, unsigned int)"
    callback: object = _ffi.callback(signature, answer)
    _lib.SSL_CTX_set_psk_server_callback(_context(context), callback)
    return callback


def use_groups(context: SSL.Context, groups: bytes) -> None:
    """Offer these groups, and no others, in the order of preference, such as ``P-256:X25519`` (RFC 8446 §4.2.7).

    Raises:
        ValueError: OpenSSL does not know one.
    """
    if _lib.SSL_CTX_set1_curves_list(_context(context), groups) != 1:
        msg = f"OpenSSL does not know the groups {groups!r}"
        raise ValueError(msg)


def expect_name(connection: SSL.Connection, name: str) -> None:
    """Have the peer's certificate held against a host name or an address, as part of its verification.

    Raises:
        ValueError: OpenSSL cannot take the name.
    """
    parameters = _lib.SSL_get0_param(connection._ssl)  # noqa: SLF001
    try:
        packed = ipaddress.ip_address(name).packed
    except ValueError:
        host = name.encode("idna")
        done = _lib.X509_VERIFY_PARAM_set1_host(parameters, host, len(host))
    else:
        done = _lib.X509_VERIFY_PARAM_set1_ip(parameters, packed, len(packed))
    if done != 1:
        msg = f"{name!r} is no name that a certificate can be for"
        raise ValueError(msg)


def move(connection: SSL.Connection, context: SSL.Context) -> None:
    """Give a connection another context, with the certificate and key of that one in place of its own.

    pyOpenSSL's ``set_context`` would also forget where its sessions come from.
    """
    _lib.SSL_set_SSL_CTX(connection._ssl, _context(context))  # noqa: SLF001


def renew_memory(connection: SSL.Connection) -> None:
    """Exchange the memory that a connection reads and writes by new one, if it is empty: it never shrinks by itself."""
    old = connection._into_ssl, connection._from_ssl  # noqa: SLF001
    if any(_lib.BIO_get_mem_data(memory, _ffi.NULL) for memory in old):
        return
    into, out = (_lib.BIO_new(_lib.BIO_s_mem()) for _ in old)
    if _ffi.NULL not in (into, out):
        # OpenSSL takes the new ones and frees the old ones.
        _lib.SSL_set_bio(connection._ssl, into, out)  # noqa: SLF001
        connection._into_ssl, connection._from_ssl = into, out  # noqa: SLF001


def session_reused(connection: SSL.Connection) -> bool:
    """Whether a connection took up an earlier session."""
    return bool(_lib.SSL_session_reused(connection._ssl))  # noqa: SLF001


def _context(context: SSL.Context) -> Any:
    return context._context  # noqa: SLF001
