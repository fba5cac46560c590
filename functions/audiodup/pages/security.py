"""Who may ask, and what a browser may do with the answer.

No cookie and no token: a POST has to say that this very page has sent it, which browsers do by Sec-Fetch-Site and no
page of another site can make them say (docs/adr/0020-review-page.md).
"""

from __future__ import annotations

import ipaddress
import secrets

from flask import Flask, Response, abort, g, request
from werkzeug.sansio.utils import get_host

from audiodup.pages.desk import desk

_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: forms would say `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def guard(app: Flask) -> None:
    """Have the app refuse what it must not answer, and tell browsers what they must not do."""
    app.before_request(_refuse_other_names)
    app.before_request(_refuse_other_sites)
    app.before_request(_know_who)
    app.after_request(_add_headers)


def _refuse_other_names() -> None:
    """A page that points its own name at 127.0.0.1 would else read this one as if it were its own (DNS rebinding)."""
    if desk().loopback_only and not _is_loopback(request.host):
        abort(403, "This page is for this machine only: open it by the address that was printed.")


def _is_loopback(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 or host.startswith("[") else host
    name = name.strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _refuse_other_sites() -> None:
    if request.method not in _CHANGES:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        origin = request.headers.get("Origin", "")
        is_own = origin in {f"{scheme}://{get_host(request.scheme, request.host)}" for scheme in ("http", "https")}
    else:
        is_own = site == "same-origin"
    if not is_own:
        abort(403, "Only this page itself may change anything here: open the pair and decide there.")


def _know_who() -> None:
    g.nonce = secrets.token_urlsafe(16)
    g.who = "" if request.path == "/health" else desk().who(dict(request.headers))


def _add_headers(response: Response) -> Response:
    media = " ".join(("'self'", *desk().media_hosts))
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{g.get('nonce', secrets.token_urlsafe(16))}'",
        "img-src": "'self' data:",
        "media-src": media,
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    response.headers["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in policy.items())
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    # What one person sees is nobody else's, and is another thing after the next decision.
    response.headers.setdefault("Cache-Control", "no-store")
    return response
