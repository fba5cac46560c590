"""Who opens the page: headers signed by a key of the test's own, and every way in which one is not IAP's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st
from tests.loopback import Handler, Server, drips, floods, raw, says_nothing, serving

from audiodup.errors import KeysUnavailable, Transient
from audiodup.pages.identity import (
    HEADER,
    KEEP_SECONDS,
    KEYS_URL,
    LONGEST_EMAIL,
    PAUSE_SECONDS,
    RETRY_SECONDS,
    SKEW_SECONDS,
    GoogleKeys,
    Iap,
    NotSignedIn,
)

AUDIENCE = "/projects/123456789012/locations/europe-west1/services/audiodup-review"
KEY = ec.generate_private_key(ec.SECP256R1())


def public(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(*form).decode()


def encoded(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**others: Any) -> dict[str, Any]:
    """What IAP says; what is given as None is left out."""
    now = int(time.time())
    said = {
        "iss": "https://cloud.google.com/iap",
        "aud": AUDIENCE,
        "email": "Ann@Example.com",
        "sub": "accounts.google.com:1",
        "iat": now,
        "exp": now + 600,
        **others,
    }
    return {name: value for name, value in said.items() if value is not None}


def unsigned(said: dict[str, Any], **header: Any) -> str:
    return f"{encoded({'alg': 'ES256', 'typ': 'JWT', 'kid': 'k1', **header})}.{encoded(said)}"


def signed(said: dict[str, Any], key: ec.EllipticCurvePrivateKey = KEY, **header: Any) -> dict[str, str]:
    """The headers of a request that IAP lets through: the token's signature is r and s, not DER."""
    text = unsigned(said, **header)
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return {HEADER: f"{text}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"}


class Keys:
    """Google's key server, and how often it was asked."""

    def __init__(self, **keys: str) -> None:
        self.keys, self.asked, self.away = keys, 0, False

    def __call__(self) -> dict[str, str]:
        self.asked += 1
        if self.away:
            raise KeysUnavailable("www.gstatic.com: no whole answer in time")
        return dict(self.keys)


class Clock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def keys() -> Keys:
    return Keys(k1=public(KEY))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def iap(keys: Keys, clock: Clock) -> Iap:
    return Iap(AUDIENCE, keys, clock=clock)


def test_whom_iap_vouches_for_is_known_by_the_address_in_lower_case(iap: Iap) -> None:
    assert iap(signed(claims())) == "ann@example.com"
    assert iap(signed(claims(email="accounts.google.com:Bob@Example.com"))) == "bob@example.com"


def test_the_header_is_found_as_flask_spells_it(iap: Iap) -> None:
    """WSGI knows a header by capitals alone, and spells it anew: X-Goog-Iap-Jwt-Assertion."""
    with Flask("x").test_request_context(headers=signed(claims())):
        headers = dict(request.headers)
    assert HEADER not in headers
    assert iap(headers) == "ann@example.com"


def test_without_the_header_nobody_is_signed_in(iap: Iap, keys: Keys) -> None:
    """The headers beside it are not signed: anybody can write them."""
    with pytest.raises(NotSignedIn, match="no X-Goog-IAP-JWT-Assertion"):
        iap({"X-Goog-Authenticated-User-Email": "accounts.google.com:ann@example.com", HEADER: ""})
    assert keys.asked == 0


def test_without_an_audience_nobody_is_let_in(keys: Keys) -> None:
    """Not even with a header for none."""
    with pytest.raises(NotSignedIn, match="REVIEW_AUDIENCE is not set"):
        Iap("", keys)(signed(claims(aud="")))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"aud": AUDIENCE + "s"}, "is for '/projects/.*s', not for /projects/.*review"),
        ({"aud": [AUDIENCE]}, "is for "),
        ({"aud": None}, "is for 'None'"),
        ({"iss": "https://accounts.google.com"}, "was not issued by IAP"),
        ({"iss": None}, "was not issued by IAP"),
        ({"email": None}, "has no e-mail address"),
        ({"email": 7}, "has no e-mail address"),
        ({"email": " "}, "of 0 characters"),
        ({"email": "a" * (LONGEST_EMAIL + 1)}, "of 201 characters"),
        ({"exp": None}, "is not signed by IAP"),
        ({"iat": "yesterday"}, "is not signed by IAP"),
    ],
)
def test_what_else_google_signs_is_for_others(iap: Iap, said: dict[str, Any], words: str) -> None:
    with pytest.raises(NotSignedIn, match=words):
        iap(signed(claims(**said)))


def test_the_longest_address_fits_its_column(iap: Iap) -> None:
    """REVIEWED_BY is as wide. A capital that is two letters when small counts as two."""
    assert iap(signed(claims(email="a" * LONGEST_EMAIL))) == "a" * LONGEST_EMAIL
    with pytest.raises(NotSignedIn, match="of 300 characters"):
        iap(signed(claims(email="İ" * 150)))


@pytest.mark.parametrize(("early", "late", "is_good"), [(10, 0, True), (0, 10, True), (40, 0, False), (0, 40, False)])
def test_clocks_may_be_half_a_minute_apart(iap: Iap, early: int, late: int, is_good: bool) -> None:
    """A header from a little later than now, and one that ended a little ago."""
    assert 10 < SKEW_SECONDS < 40
    now = int(time.time())
    headers = signed(claims(iat=now + early, exp=now + early + 600) if early else claims(iat=now - 600, exp=now - late))
    if is_good:
        assert iap(headers) == "ann@example.com"
    else:
        with pytest.raises(NotSignedIn, match="has expired, or is not valid yet"):
            iap(headers)


def test_another_key_s_signature_is_refused(iap: Iap) -> None:
    """Whichever key it says that it is."""
    for kid in ("k1", "k2"):
        with pytest.raises(NotSignedIn, match="is not signed by IAP"):
            iap(signed(claims(), ec.generate_private_key(ec.SECP256R1()), kid=kid))


def test_a_signature_is_for_the_words_it_was_made_for(iap: Iap) -> None:
    header, _, signature = signed(claims())[HEADER].split(".")
    with pytest.raises(NotSignedIn, match="is not signed by IAP"):
        iap({HEADER: f"{header}.{encoded(claims(email='boss@example.com'))}.{signature}"})


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256", "ES384", "", None, 1, ["ES256"]])
def test_the_token_does_not_choose_the_algorithm(iap: Iap, keys: Keys, algorithm: Any) -> None:
    """`none` has no signature; HS256 would take the public key, which everybody knows, for a shared secret."""
    text = unsigned(claims(), alg=algorithm)
    secret = hmac.new(keys.keys["k1"].encode(), text.encode(), hashlib.sha256).digest()
    for signature in ("", encoded(secret), signed(claims(), alg=algorithm)[HEADER].split(".")[2]):
        with pytest.raises(NotSignedIn, match="is not signed by IAP"):
            iap({HEADER: f"{text}.{signature}"})
    with pytest.raises(NotSignedIn, match="is not signed by IAP"):
        iap(signed(claims(), alg=algorithm))
    assert keys.asked == 0


@pytest.mark.parametrize("kid", [None, 1, ["k1"], {}])
def test_a_key_has_to_be_named(iap: Iap, kid: Any) -> None:
    """Otherwise each of Google's keys would be tried."""
    with pytest.raises(NotSignedIn, match="is not signed by IAP"):
        iap(signed(claims(), kid=kid))


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "..",
        "a.b.c",
        "a.b.c.d",
        "é.é.é",
        f"{encoded([])}.{encoded({})}.x",
        f"{encoded({'alg': 'ES256', 'kid': 'k1'})}.{encoded([])}.x",
        f"{encoded({'alg': 'ES256', 'kid': 'k1'})}.{encoded({})}.x",
        f"{encoded(b'[' * 5_000)}.{encoded({})}.x",
        f"{encoded({'alg': 'ES256', 'kid': 'k1'})}.{encoded(b'[' * 5_000)}.x",
        f"{encoded(b'1' * 5_000)}.{encoded({})}.x",
    ],
)
def test_what_is_no_token_is_refused(iap: Iap, token: str) -> None:
    """And nothing of it is repeated: google-auth's own words hold it all."""
    with pytest.raises(NotSignedIn) as caught:
        iap({HEADER: token})
    assert str(caught.value) == f"{HEADER} is not signed by IAP."


@given(
    st.text(max_size=200) | st.tuples(*[st.binary(max_size=40)] * 3).map(lambda parts: ".".join(map(encoded, parts)))
)
def test_no_text_at_all_is_more_than_refused(text: str) -> None:
    with pytest.raises(NotSignedIn):
        Iap(AUDIENCE, Keys(k1=public(KEY)))({HEADER: text})


def test_keys_are_kept_for_an_hour(iap: Iap, keys: Keys, clock: Clock) -> None:
    iap(signed(claims()))
    clock.seconds += KEEP_SECONDS - 1
    iap(signed(claims()))
    assert keys.asked == 1
    clock.seconds += 1
    iap(signed(claims()))
    assert keys.asked == 2


def test_a_key_that_google_has_taken_back_is_good_for_an_hour_at_most(iap: Iap, keys: Keys, clock: Clock) -> None:
    iap(signed(claims()))
    keys.keys = {"k2": public(ec.generate_private_key(ec.SECP256R1()))}
    clock.seconds += KEEP_SECONDS
    with pytest.raises(NotSignedIn):
        iap(signed(claims()))


def test_a_new_key_is_fetched_when_it_is_first_seen(iap: Iap, keys: Keys, clock: Clock) -> None:
    iap(signed(claims()))
    new = ec.generate_private_key(ec.SECP256R1())
    keys.keys["k2"] = public(new)
    clock.seconds += PAUSE_SECONDS
    assert iap(signed(claims(), new, kid="k2")) == "ann@example.com"
    assert iap(signed(claims())) == "ann@example.com", "the one before is still there"
    assert keys.asked == 2


def test_made_up_keys_make_it_ask_once_a_minute_and_no_more(iap: Iap, keys: Keys, clock: Clock) -> None:
    """Who is signed in is not kept waiting by them."""
    iap(signed(claims()))
    for second in range(300):
        clock.seconds += 1
        with pytest.raises(NotSignedIn, match="is not signed by IAP"):
            iap(signed(claims(), kid=f"made-up-{second}"))
    assert keys.asked == 1 + 300 // PAUSE_SECONDS
    assert iap(signed(claims())) == "ann@example.com"


def test_many_at_once_ask_once(iap: Iap, keys: Keys) -> None:
    headers = signed(claims())
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(iap, [headers] * 40)) == {"ann@example.com"}
    assert keys.asked == 1


def test_a_key_server_that_is_away_is_not_the_person_s_fault(iap: Iap, keys: Keys, clock: Clock) -> None:
    """503 and not 401; and requests do not wait in line, each for its own answer that does not come."""
    keys.away = True
    for _ in range(20):
        with pytest.raises(KeysUnavailable, match="KEYS_UNAVAILABLE: ") as caught:
            iap(signed(claims()))
        assert isinstance(caught.value, Transient)
    assert keys.asked == 1
    keys.away = False
    clock.seconds += RETRY_SECONDS
    assert iap(signed(claims())) == "ann@example.com"


def test_while_it_is_away_the_keys_of_the_last_hour_hold(iap: Iap, keys: Keys, clock: Clock) -> None:
    iap(signed(claims()))
    keys.away = True
    clock.seconds += PAUSE_SECONDS
    with pytest.raises(KeysUnavailable):
        iap(signed(claims(), kid="new"))
    assert iap(signed(claims())) == "ann@example.com"
    clock.seconds += KEEP_SECONDS
    with pytest.raises(KeysUnavailable):
        iap(signed(claims()))


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def fetched(server: Server, *handlers: Handler, seconds: float = 5) -> Any:
    server.on("/keys", *handlers)
    return GoogleKeys(server.url("/keys"), seconds=seconds, allow_loopback=True)()


def test_keys_are_read_as_google_serves_them(server: Server) -> None:
    """And let the same person in."""
    server.on("/keys", lambda exchange: exchange.answer_json({"k1": public(KEY)}))
    assert Iap(AUDIENCE, GoogleKeys(server.url("/keys"), allow_loopback=True))(signed(claims())) == "ann@example.com"


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (lambda exchange: exchange.answer(404), "127.0.0.1 answered 404"),
        (lambda exchange: exchange.answer(500), "127.0.0.1 answered 500"),
        (lambda exchange: exchange.redirect("http://www.example.com/keys"), "www.example.com:80 is not among"),
        (lambda exchange: exchange.answer(200, b"<html>"), "what are no keys"),
        (lambda exchange: exchange.answer(200, b"[" * 50_000), "what are no keys"),
        (lambda exchange: exchange.answer(200, b"\xff"), "what are no keys"),
        (lambda exchange: exchange.answer_json({}), "what are no keys"),
        (lambda exchange: exchange.answer_json({"keys": [{"kid": "k1"}]}), "what are no keys"),
        (floods, "more than 100000 bytes"),
        (raw(b"", reset=True), "127.0.0.1: "),
        (says_nothing, "no whole answer in time"),
        (drips(b" ", after=b"HTTP/1.1 200 OK\r\n\r\n"), "no whole answer in time"),
    ],
    ids=["404", "500", "redirect", "html", "nested", "no text", "none", "jwk", "flood", "reset", "silent", "drips"],
)
def test_an_answer_without_keys_is_told_and_bounded(server: Server, handler: Handler, words: str) -> None:
    with pytest.raises(KeysUnavailable, match=words):
        fetched(server, handler, seconds=0.5)


def test_a_key_server_that_does_not_listen_is_told() -> None:
    with serving() as server:
        url = server.url("/keys")
    with pytest.raises(KeysUnavailable, match=r"127\.0\.0\.1: "):
        GoogleKeys(url, allow_loopback=True)()


def test_only_googles_own_host_over_tls_gives_keys() -> None:
    """Whoever gives the keys says who is who."""
    assert KEYS_URL == "https://www.gstatic.com/iap/verify/public_key"
    with pytest.raises(KeysUnavailable, match="not https"):
        GoogleKeys(KEYS_URL.replace("https", "http"))()
