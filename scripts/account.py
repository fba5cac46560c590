"""What a Snowflake account needs for audiodup, as SQL: infra/snowflake/*.sql, filled in and in order."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from snowflake.connector.util_text import split_statements

from audiodup import wiring

SQL = Path(__file__).resolve().parents[1] / "infra" / "snowflake"

NAME = "AUDIODUP"


class Duty(NamedTuple):
    """What a function signs in with: the ends of names that begin with NAME."""

    role: str
    warehouse: str = ""


DUTY_OF = {
    "scheduler": Duty("_SCHEDULER"),
    "fingerprint": Duty("_INGEST"),
    "dead_letter": Duty("_INGEST"),
    "matcher": Duty("_MATCHER", warehouse="_MATCHER"),
    "review": Duty("_REVIEWER"),
}

MORE_SECONDS = 60
"""The warehouse's limit for a statement lies so far behind the functions' own, which can say what happened."""
CREDITS = 250
"""A month's: an X-Small that a tick every five minutes keeps up for some 75 s takes 6 a day, and the matcher some."""
LEAST_KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class Step:
    """A file of infra/snowflake, filled in; it begins with the role that it needs, or goes on with the last one's."""

    name: str
    text: str
    without: str = ""
    """What to do where the object is missing that it grants on, and that nothing else needs; "": it must be there."""

    def statements(self) -> Iterator[str]:
        """One after the other, without comments."""
        for text, _ in split_statements(StringIO(self.text), remove_comments=True):
            if statement := text.strip().removesuffix(";").rstrip():
                yield statement


@dataclass(frozen=True, slots=True)
class Account:
    """What is to be made.

    Args:
        schema: where, and which tables.
        name: of the command lines' role, the warehouse, the key pair's user and the monitor; the other names begin so.
        public_key: the key pair's, as `read_public_key` gives it; without one that place is left alone.
        second_key: for the user's other place, while keys are changed.
        subjects: unique ids of service accounts by function, as `read_subjects` gives them.
        quota: a month's credits; without it a monitor that is there is left alone.
        suspend: whether the warehouses stop at the quota.
    """

    schema: wiring.Schema
    name: str = NAME
    public_key: str | None = None
    second_key: str | None = None
    subjects: Mapping[str, str] | None = None
    quota: int | None = None
    suspend: bool = False

    def steps(self) -> list[Step]:
        """All of it, in order: users come last, and find everything.

        Raises:
            ValueError: the name makes no identifiers.
        """
        asset = (
            f"{self.schema.database}.{self.schema.name} has no view AUDIO_ASSET: make it as docs/schema.md shows under "
            "AUDIO_ASSET (a table of that name takes another first), and run this again for its grants"
        )
        quota = () if self.quota is None else ("3_quota",)
        before_tables = ("1_roles", "2_warehouses", "3_resource_monitor", *quota, "4_schema", "5_tables")
        return [
            *(self._step(name) for name in before_tables),
            Step("sql/schema", "\n".join(self.schema.statements)),
            self._step("6_grants"),
            self._step("7_audio_asset", asset),
            *self._key_pair_user(),
            *self._workload_users(),
        ]

    def _key_pair_user(self) -> Iterator[Step]:
        if self.public_key is None and self.second_key is None:
            return
        user = self._identifier()
        yield self._step("8_user", user=user, user_role=self._identifier(), user_warehouse=self._identifier())
        yield self._step("9_key_pair_roles", user=user)
        if self.public_key is not None:
            yield self._step("9_key_pair", user=user, public_key=self.public_key)
        if self.second_key is not None:
            yield self._step("9_second_key", user=user, public_key=self.second_key)

    def _workload_users(self) -> Iterator[Step]:
        for function, subject in (self.subjects or {}).items():
            user, duty = self._identifier(f"_{function.upper()}"), DUTY_OF[function]
            role, warehouse = self._identifier(duty.role), self._identifier(duty.warehouse)
            yield self._step("8_user", user=user, user_role=role, user_warehouse=warehouse)
            yield self._step("9_workload_identity", user=user, subject=subject)

    def _step(self, step: str, without: str = "", **more: str) -> Step:
        values = {
            "database": self.schema.database,
            "schema": self.schema.name,
            "statement_seconds": self.schema.statement_seconds + MORE_SECONDS,
            "credits": CREDITS if self.quota is None else self.quota,
            "at_quota": "SUSPEND" if self.suspend else "NOTIFY",
            "role": self._identifier(),
            "ingest": self._identifier(DUTY_OF["fingerprint"].role),
            "scheduler": self._identifier(DUTY_OF["scheduler"].role),
            "matcher": self._identifier(DUTY_OF["matcher"].role),
            "reviewer": self._identifier(DUTY_OF["review"].role),
            "owner": self._identifier("_OWNER"),
            "librarian": self._identifier("_LIBRARIAN"),
            "warehouse": self._identifier(),
            "matcher_warehouse": self._identifier(DUTY_OF["matcher"].warehouse),
            "monitor": self._identifier(),
        }
        return Step(step, (SQL / f"{step}.sql").read_text(encoding="utf-8") % {**values, **more}, without)

    def _identifier(self, suffix: str = "") -> str:
        return wiring.plain_identifier(f"{self.name}{suffix}")


def read_public_key(path: Path) -> str:
    """The key as Snowflake takes it, written anew from what the file means, so that it carries nothing else.

    Raises:
        ValueError: the file holds no RSA public key that is long enough. Nothing of it is repeated.
    """
    text = _read(path)
    try:
        key = serialization.load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        # Not `from`: it may quote the file, and that may be the private key.
        raise ValueError(
            f"{path} is no public key (PEM); of a private one `openssl pkey -in key.pem -pubout -out key.pub` makes it"
        ) from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < LEAST_KEY_BITS:
        raise ValueError(f"{path}: Snowflake takes RSA keys, and this wants {LEAST_KEY_BITS} bits or more")
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode("ascii")


def read_subjects(path: Path) -> dict[str, str]:
    """Unique ids of service accounts by function, from Terraform's output.

    Raises:
        ValueError: the file is something else.
    """
    text = _read(path)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found:
        raise ValueError(f'{path} has to be JSON: {{"scheduler": "123456789012345678901", ...}}')
    for function, subject in found.items():
        if function not in DUTY_OF:
            raise ValueError(f"{path}: {function!r} is no function; they are {', '.join(DUTY_OF)}")
        if not (isinstance(subject, str) and subject.isascii() and subject.isdigit() and 15 <= len(subject) <= 30):
            raise ValueError(f"{path}: {function}: {subject!r} is no unique id of a service account (21 digits)")
    if len(set(found.values())) < len(found):
        raise ValueError(f"{path}: two functions have one service account, and an identity signs in as one user only")
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
