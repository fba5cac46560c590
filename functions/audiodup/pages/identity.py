"""Who opens the page: the e-mail address in the header that Identity-Aware Proxy (IAP) signs.

IAP is in front of the service, and nobody else may call it. The header is checked all the same, as Google asks: should
IAP be switched off one day, by mistake or not, nobody decides in another's name.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from google.auth import jwt
from google.auth.exceptions import InvalidValue

from audiodup.addresses import HostList, parse_url
from audiodup.errors import ForbiddenHost, KeysUnavailable, Refused
from audiodup.network import HttpClient, TransportError

HEADER = "X-Goog-IAP-JWT-Assertion"
ISSUER = "https://cloud.google.com/iap"
ALGORITHM = "ES256"
SKEW_SECONDS = 30
"""Google's own advice: so far may its clock and ours be apart."""
LONGEST_EMAIL = 200
"""The width of REVIEWED_BY. A longer one is refused: cut off it might be somebody else's."""

KEYS_URL = "https://www.gstatic.com/iap/verify/public_key"
KEEP_SECONDS = 3_600.0
PAUSE_SECONDS = 60.0
"""So long a key that is not among the newest is not asked for again: a made-up one must not make each request ask."""
RETRY_SECONDS = 5.0
"""So long nobody asks again after Google did not answer: else requests would wait in line, each for its own answer."""
_FETCH_SECONDS = 5.0
_KEYS_BYTES = 100_000


class NotSignedIn(Exception):
    """IAP does not vouch for whoever asks. Its words are for the page."""


class GoogleKeys:
    """The public keys that IAP signs for, by their ids, as Google has them now."""

    def __init__(self, url: str = KEYS_URL, *, seconds: float = _FETCH_SECONDS, allow_loopback: bool = False) -> None:
        """`allow_loopback` is for the stand-ins of one machine."""
        self._url = parse_url(url)
        self._hosts = HostList([self._url.host], allow_loopback=allow_loopback)
        self._seconds = seconds
        self._client = HttpClient(allow_loopback=allow_loopback)

    def __call__(self) -> Mapping[str, str]:
        """
        Raises:
            KeysUnavailable: there is no answer, or it holds no keys.
        """
        try:
            found = json.loads(self._fetch())
        except (TransportError, ForbiddenHost, Refused) as error:
            raise KeysUnavailable(error.words) from None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not found or not all(isinstance(key, str) for key in found.values()):
            raise KeysUnavailable(f"{self._url.host} answered what are no keys")
        return found

    def _fetch(self) -> bytes:
        with self._client.get(self._url, self._hosts, self._seconds) as answer:
            if answer.status != 200:
                raise TransportError(f"{answer.host} answered {answer.status}")
            body = b""
            for chunk in answer.chunks(_KEYS_BYTES):
                body += chunk
                if len(body) > _KEYS_BYTES:
                    raise TransportError(f"{answer.host} answered more than {_KEYS_BYTES} bytes")
            return body


class Iap:
    """The e-mail address of a request's sender, in lower case; many threads may use it at once.

    Args:
        audience: whom IAP signs for (REVIEW_AUDIENCE); a header for another service of the same project is refused.
        keys: public keys (PEM) by their ids; kept for an hour, since Google changes them now and then.
        clock: the seconds that they are kept by.
    """

    def __init__(
        self,
        audience: str,
        keys: Callable[[], Mapping[str, str]] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._audience = audience
        self._fetch = keys or GoogleKeys()
        self._clock = clock
        self._keys: Mapping[str, str] = {}
        self._stale_at = self._next_fetch = float("-inf")
        self._lock = threading.Lock()

    def __call__(self, headers: Mapping[str, str]) -> str:
        """
        Raises:
            NotSignedIn: the header is missing, expired, for another service, or not signed by IAP.
            KeysUnavailable: whether it is cannot be said, since Google does not answer.
        """
        if not self._audience:
            raise NotSignedIn("REVIEW_AUDIENCE is not set, so nobody can be let in: infra/ sets it.")
        # Servers spell a header's name each in its own way.
        token = next((value for name, value in headers.items() if name.lower() == HEADER.lower()), "")
        if not token:
            raise NotSignedIn(f"Nobody is signed in: the request has no {HEADER}. Open the page through IAP.")
        claims = self._verified(token)
        if claims.get("iss") != ISSUER:
            raise NotSignedIn(f"{HEADER} was not issued by IAP.")
        if claims.get("aud") != self._audience:
            raise NotSignedIn(
                f"{HEADER} is for {str(claims.get('aud'))!a:.200}, not for {self._audience} (REVIEW_AUDIENCE)."
            )
        return _email(claims)

    def _verified(self, token: str) -> Mapping[str, Any]:
        """What the token says, once its signature and its times are found good."""
        unsigned = NotSignedIn(f"{HEADER} is not signed by IAP.")
        try:
            header = jwt.decode_header(token)  # type: ignore[no-untyped-call]
        except (ValueError, RecursionError):
            raise unsigned from None
        kid = header.get("kid")
        # The one algorithm, whatever the token would like: `none` is no signature, and HS256 would take the public key
        # for a secret.
        if header.get("alg") != ALGORITHM or not isinstance(kid, str) or (key := self._key(kid)) is None:
            raise unsigned
        try:
            claims: Mapping[str, Any] = jwt.decode(  # type: ignore[no-untyped-call]
                token, certs=key, clock_skew_in_seconds=SKEW_SECONDS
            )
        except InvalidValue:
            raise NotSignedIn(f"{HEADER} has expired, or is not valid yet: load the page again.") from None
        except (ValueError, TypeError):
            raise unsigned from None
        return claims

    def _key(self, kid: str) -> str | None:
        # Held while fetching, so that the keys are fetched once and not by every thread.
        with self._lock:
            now = self._clock()
            is_stale = now >= self._stale_at
            if (is_stale or kid not in self._keys) and now >= self._next_fetch:
                self._next_fetch = now + RETRY_SECONDS
                self._keys = self._fetch()
                self._stale_at, self._next_fetch = now + KEEP_SECONDS, now + PAUSE_SECONDS
            elif is_stale:
                raise KeysUnavailable("the keys of IAP could not be fetched a moment ago")
            return self._keys.get(kid)


def _email(claims: Mapping[str, Any]) -> str:
    email = claims.get("email")
    if not isinstance(email, str):
        raise NotSignedIn(f"{HEADER} has no e-mail address.")
    email = email.removeprefix("accounts.google.com:").strip().lower()
    if not email or len(email) > LONGEST_EMAIL:
        raise NotSignedIn(f"{HEADER} has an e-mail address of {len(email)} characters; 1 to {LONGEST_EMAIL} are taken.")
    return email
