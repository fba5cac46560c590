"""The files that a person gives: public keys, and the ids of service accounts. They end in SQL as texts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.accounts import SUBJECTS

from account import read_public_key, read_subjects


def pem(key: Any) -> bytes:
    return cast(
        bytes,
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


def private(key: Any) -> bytes:
    return cast(
        bytes,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


KEY = rsa.generate_private_key(65537, 2048)


def test_a_public_key_arrives_as_its_base64(tmp_path: Path) -> None:
    """What stands around it in the file does not."""
    file = tmp_path / "key.pub"
    file.write_bytes(b"'; DROP USER X; --\n" + pem(KEY).replace(b"\n", b"\r\n") + b"\n'")
    body = "".join(pem(KEY).decode().splitlines()[1:-1])
    assert read_public_key(file) == body
    assert re.fullmatch(r"[A-Za-z0-9+/]+=*", body)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (private(KEY), "openssl pkey -in key.pem -pubout -out key.pub"),
        (b"", "is no public key"),
        (b"'; DROP USER X; --", "is no public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "is no public key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "takes RSA keys"),
        (pem(rsa.generate_private_key(65537, 1024)), "2048 bits"),
    ],
    ids=["private", "empty", "sql", "no key", "elliptic", "short"],
)
def test_another_file_is_no_public_key(tmp_path: Path, content: bytes, words: str) -> None:
    """And nothing of it is repeated, for it may be the private one."""
    file = tmp_path / "key.pub"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        read_public_key(file)
    for line in content.decode().splitlines():
        assert line not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has to be JSON"),
        ("[]", "has to be JSON"),
        ("{}", "has to be JSON"),
        ("[" * 100_000, "has to be JSON"),
        ('{"reviewer": "123456789012345678901"}', "'reviewer' is no function"),
        ('{"x\'; DROP USER X": "123456789012345678901"}', "is no function"),
        ('{"matcher": 123456789012345678901}', "no unique id"),
        ('{"matcher": "1\' OR \'1"}', "no unique id"),
        ('{"matcher": "matcher@p.iam.gserviceaccount.com"}', "no unique id"),
        ('{"matcher": "١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩٠١"}', "no unique id"),
        ('{"matcher": "123456789012345678901", "scheduler": "123456789012345678901"}', "one service account"),
    ],
)
def test_another_file_names_no_service_accounts(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "ids.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=words):
        read_subjects(file)


def test_service_accounts_are_read_as_terraform_prints_them(tmp_path: Path) -> None:
    file = tmp_path / "ids.json"
    file.write_text(json.dumps(SUBJECTS, indent=2) + "\n")
    assert read_subjects(file) == SUBJECTS


@pytest.mark.parametrize("read", [read_public_key, read_subjects])
def test_a_missing_file_is_named(tmp_path: Path, read: Any) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ValueError, match=re.escape(str(path))):
            read(path)
