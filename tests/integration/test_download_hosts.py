"""Only the hosts allowed are reached, by a URL or by a redirect."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.download import CONTENT, QUESTION, Api, Provider, whole
from tests.loopback import Server

from audiodup.errors import ForbiddenHost

# Servers that drip never end by themselves: without the remedy these tests hang, and the time-out is their failure.
pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token",
        "http://2130706433:{port}/private",
        "http://0x7f.1:{port}/private",
        "http://0177.0.0.1:{port}/private",
        "http://[::ffff:127.0.0.1]:{port}/private",
        "http://localhost:{port}/private",
        "http://127.0.0.1@localhost:{port}/private",
        "https://files.evil.com/private",
        "file:///etc/passwd",
        "data:audio/wav;base64,UklGRg==",
    ],
)
@pytest.mark.parametrize("redirected", [False, True])
def test_other_hosts_are_forbidden(api: Api, server: Server, url: str, redirected: bool) -> None:
    """Whether the API names them, or the file's host redirects there."""
    url = url.format(port=server.port)
    server.on("/private", whole)
    if redirected:
        server.on("/file", lambda exchange: exchange.redirect(url))
    else:
        server.on(QUESTION, lambda exchange: exchange.answer_json({"data": {"url": url}}))
    api.fails(ForbiddenHost)
    assert server.asked("/private") == []


def test_the_api_may_not_redirect_to_the_files_hosts(api: Api, server: Server, tmp_path: Path) -> None:
    """Its own host is all it may reach; files' hosts are for files."""
    provider = Provider(server.url("/assets/{asset_id}/files/{file_key}"), hosts=("localhost", "127.0.0.1"))
    server.on(QUESTION, lambda exchange: exchange.redirect(server.url("/moved", "localhost")))
    Api(server, tmp_path, provider).fails(ForbiddenHost, "localhost")
    assert server.asked("/moved") == []


def test_a_redirected_file_is_taken(api: Api, server: Server) -> None:
    """Within the hosts allowed."""
    server.on("/file", lambda exchange: exchange.redirect("/moved"))
    server.on("/moved", whole)
    assert api.get() == CONTENT


def test_loopback_is_out_of_reach_in_production(server: Server, tmp_path: Path) -> None:
    """Without `allow_loopback` nothing of this file works; nobody is connected to."""
    provider = Provider(f"https://127.0.0.1:{server.port}/{{asset_id}}")
    Api(server, tmp_path, provider, allow_loopback=False).fails(ForbiddenHost)
    assert server.connections == 0
