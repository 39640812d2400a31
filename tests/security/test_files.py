"""Credentials out of files: what is read, and what each mistake is told with. Keys are never in the text."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from simulator.security.authority import Authority, chain_pem, key_pem
from simulator.security.credentials import CredentialError, Psk
from simulator.security.files import load_identity, load_psks, load_trust
from tests.security.rig import CA, DEVICE_IDENTITY, SERVER_IDENTITY

SECRET = "00112233445566778899aabbccddeeff"


@pytest.fixture
def write(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def complaint(call, *args):
    with pytest.raises(CredentialError) as refused:
        call(*args)
    text = str(refused.value)
    assert SECRET[2:] not in text.lower()
    return text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("keys.csv", f"endpoint,identity,key_hex\nep-1,id-1,{SECRET}\nep-2,,{SECRET.upper()}\n"),
        ("keys.csv", f"\ufeffkey_hex, endpoint, identity\r\n{SECRET}, ep-1, id-1\r\n{SECRET}, ep-2, ep-2\r\n"),
        (
            "keys.json",
            json.dumps(
                [
                    {"endpoint": "ep-1", "identity": "id-1", "key_hex": SECRET},
                    {"endpoint": "ep-2", "key_hex": SECRET},
                ]
            ),
        ),
    ],
)
def test_keys_are_read(write, name, text):
    key = bytes.fromhex(SECRET)
    assert load_psks(write(name, text)) == {"ep-1": Psk(b"id-1", key), "ep-2": Psk(b"ep-2", key)}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("keys.csv", "", "line 1: the header is not right; give it the columns endpoint, identity, key_hex"),
        ("keys.csv", f"ep-1,id-1,{SECRET}\n", "line 1: the header is not right"),
        ("keys.csv", "endpoint,key_hex,secret\n", "line 1: the header is not right"),
        ("keys.csv", f"endpoint,key_hex\nep-1,{SECRET}\nep-2\n", "line 3: not 2 values"),
        ("keys.csv", f"endpoint,key_hex\nep-1,{SECRET},x\n", "line 2: not 2 values"),
        ("keys.csv", f"endpoint,key_hex\nep-1,0{SECRET}\n", "line 2: key_hex is not hexadecimal; write two digits"),
        ("keys.csv", f"endpoint,key_hex\n,{SECRET}\n", "line 2: endpoint is empty"),
        ("keys.csv", "endpoint,key_hex\nep-1,\n", "line 2: the PSK key of b'ep-1' has 1 to 64 bytes, not 0"),
        ("keys.csv", f"endpoint,key_hex\nep-1,{SECRET}\nep-1,{SECRET}\n", "line 3: endpoint 'ep-1' is there already"),
        ("keys.csv", f'endpoint,key_hex\n"ep-1,{SECRET}\n', "line 2: no CSV"),
        ("keys.csv", b"endpoint,key_hex\n\xff\xfe\n", "line 2: not UTF-8"),
        ("keys.json", "{", "line 1: no JSON"),
        ("keys.json", "{}", "not a list; write"),
        ("keys.json", "[" * 100_000, "nested too deep"),
        ("keys.json", "[1]", "entry 1: not an object with endpoint, identity and key_hex"),
        ("keys.json", '[{"endpoint": "a", "key_hex": 1}]', "entry 1: endpoint, identity and key_hex are text"),
        ("keys.json", f'[{{"endpoint": "a", "key": "{SECRET}"}}]', "entry 1: not an object with endpoint"),
        ("keys.json", f'[{{"endpoint": "\\ud800", "key_hex": "{SECRET}"}}]', "the identity is no Unicode text"),
    ],
)
def test_a_mistake_in_a_file_of_keys_is_told_with_its_place(write, name, text, told):
    path = write(name, text)
    said = complaint(load_psks, path)
    assert said.startswith(str(path))
    assert told in said


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert "cannot be read: No such file" in complaint(load_psks, tmp_path / "none.csv")
    assert "cannot be read: Is a directory" in complaint(load_trust, tmp_path)


def test_an_identity_and_a_trust_store_are_read(write):
    certificate, key = (
        write("cert.pem", chain_pem(SERVER_IDENTITY) + CA.pem),
        write("key.pem", key_pem(SERVER_IDENTITY)),
    )
    identity = load_identity(certificate, key)
    assert identity.chain == (*SERVER_IDENTITY.chain, CA.certificate)
    both = write("ca.pem", CA.pem + Authority().pem)
    assert len(load_trust(both).anchors) == 2


def rsa_key():
    key = rsa.generate_private_key(65_537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def encrypted_key():
    return DEVICE_IDENTITY.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))


@pytest.mark.parametrize(
    ("certificate", "key", "told"),
    [
        (b"nothing", key_pem(SERVER_IDENTITY), "cert.pem: no certificate in PEM; it begins with"),
        (chain_pem(SERVER_IDENTITY), b"nothing", "key.pem: no private key in PEM; it begins with"),
        (chain_pem(SERVER_IDENTITY), chain_pem(SERVER_IDENTITY), "key.pem: no private key in PEM"),
        (chain_pem(SERVER_IDENTITY), key_pem(DEVICE_IDENTITY), "does not belong to the certificate of CN=server"),
        (chain_pem(SERVER_IDENTITY), encrypted_key(), "key.pem: the private key is encrypted; store it without"),
        (chain_pem(SERVER_IDENTITY), rsa_key(), "key.pem: not an elliptic-curve key; make one with"),
    ],
)
def test_a_mistake_in_an_identity_is_told(write, certificate, key, told):
    assert told in complaint(load_identity, write("cert.pem", certificate), write("key.pem", key))
