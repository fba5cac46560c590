"""HTTP GET against servers that misbehave: real sockets, real TLS, a real resolver where the name does not matter."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from tests.loopback import Exchange, Handler, Server, drips, floods, raw, says_nothing, serving

from audiodup.addresses import HostList, parse_url
from audiodup.errors import ForbiddenHost, Refused
from audiodup.network import HttpClient, TransportError

# Servers that drip never end by themselves: without the remedy these tests hang, and the time-out is their failure.
pytestmark = pytest.mark.timeout(60)

LOOPBACK = HostList(["127.0.0.1"], allow_loopback=True)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def client() -> Iterator[HttpClient]:
    client = HttpClient(allow_loopback=True)
    yield client
    client.close()


def body(client: HttpClient, url: str, seconds: float = 20, hosts: HostList = LOOPBACK) -> bytes:
    with client.get(parse_url(url), hosts, seconds) as answer:
        return b"".join(answer.chunks(1000))


def strictly(host: str, resolver: Callable[[str, int], list[str]] | None = None, port: int = 443) -> None:
    """GET as in production, with a list of hosts that lets this one through, so that the address alone decides."""
    client = HttpClient(resolver=resolver) if resolver else HttpClient()
    body(client, f"https://{host}:{port}/", hosts=HostList([f"{host}:{port}"]))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "localhost",
        "localhost.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
    ],
)
def test_no_spelling_of_loopback_is_connected_to(server: Server, host: str) -> None:
    """The system's resolver understands all of these; the server that listens there sees nobody."""
    with pytest.raises(ForbiddenHost, match="no address that may be contacted"):
        strictly(host, port=server.port)
    assert server.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [
        ["169.254.169.254"],
        ["10.0.0.1", "192.168.1.1"],
        ["100.64.0.1"],
        ["127.0.0.1"],
        ["::1"],
        ["::ffff:169.254.169.254"],
        ["64:ff9b::a9fe:a9fe"],
        ["2002:a9fe:a9fe::"],
        ["fd20:ce::254"],
        ["fe80::1%1"],
        [],
    ],
)
def test_a_name_that_stands_for_special_addresses_is_refused(addresses: list[str]) -> None:
    """It is the answer of the name server that counts, not the name."""
    with pytest.raises(ForbiddenHost, match=r"files\.example\.com stands for no address"):
        strictly("files.example.com", lambda host, port: addresses)


def test_a_special_address_among_others_is_passed_over(server: Server) -> None:
    """Only allowed addresses are connected to, whatever the order of the name server's answer."""
    client = HttpClient(allow_loopback=True, resolver=lambda host, port: ["10.0.0.1", "127.0.0.1"])
    server.on("/", lambda exchange: exchange.answer(200, b"here"))

    # Over http only loopback may be reached: 10.0.0.1 would stall until the time is used up.
    assert body(client, f"http://h:{server.port}/", hosts=HostList(["h"], allow_loopback=True)) == b"here"


def test_http_reaches_loopback_alone_even_on_one_machine() -> None:
    """A plain connection to the outside shows the signed URL to everybody on the way."""
    client = HttpClient(allow_loopback=True, resolver=lambda host, port: ["93.184.216.34"])
    with pytest.raises(ForbiddenHost, match="no address"):
        body(client, "http://h/", hosts=HostList(["h"], allow_loopback=True))


def test_the_name_is_resolved_once_and_the_checked_address_connected_to(server: Server) -> None:
    """A rebinding name server gives a harmless address first and a private one to whoever asks again."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    client = HttpClient(allow_loopback=True, resolver=lambda host, port: next(answers))
    server.on("/", lambda exchange: exchange.answer(200, b"here"))

    assert body(client, f"http://rebind:{server.port}/", hosts=HostList(["rebind"], allow_loopback=True)) == b"here"

    assert server.requests[0].headers["host"] == f"rebind:{server.port}"
    assert next(answers) == ["10.0.0.1"]


def test_the_next_address_is_tried_when_one_does_not_answer(server: Server) -> None:
    """Several addresses are there so that one may be dead."""
    client = HttpClient(allow_loopback=True, resolver=lambda host, port: ["::1", "127.9.9.9", "127.0.0.1"])
    server.on("/", lambda exchange: exchange.answer(200, b"here"))

    assert body(client, f"http://h:{server.port}/", hosts=HostList(["h"], allow_loopback=True)) == b"here"


@pytest.mark.parametrize("error", [socket.gaierror(-2, "no such name"), UnicodeError("label too long")])
def test_a_name_that_does_not_resolve_is_a_transport_error(error: Exception) -> None:
    """Name servers come back."""

    def resolver(host: str, port: int) -> list[str]:
        raise error

    with pytest.raises(TransportError, match=r"files\.example\.com: its name does not resolve"):
        strictly("files.example.com", resolver)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(server: Server, client: HttpClient, status: int) -> None:
    """Absolute and relative ones, three in all."""
    server.on("/1", lambda exchange: exchange.redirect("/2?x=1", status))
    server.on("/2", lambda exchange: exchange.redirect(server.url("/a/3"), status))
    server.on("/a/3", lambda exchange: exchange.redirect("4", status))
    server.on("/a/4", lambda exchange: exchange.answer(200, b"here"))

    assert body(client, server.url("/1")) == b"here"
    assert [request.target for request in server.requests] == ["/1", "/2?x=1", "/a/3", "/a/4"]


def test_a_fourth_redirect_is_not_followed(server: Server, client: HttpClient) -> None:
    """A loop ends."""
    server.on("/", lambda exchange: exchange.redirect("/"))

    with pytest.raises(Refused, match="more than 3 redirects"):
        body(client, server.url("/"))
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/computeMetadata/v1/",
        "//169.254.169.254/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://metadata.google.internal/",
        "http://[::ffff:127.0.0.1]:{port}/private",
        "http://localhost:{port}/private",
        "http://2130706433:{port}/private",
        "http://0177.0.0.1:{port}/private",
        "http://127.0.0.1:{port}@localhost:{port}/private",
        "http://user@127.0.0.1:{port}/private",
        "ftp://127.0.0.1:{port}/private",
        "file:///etc/passwd",
        "data:text/plain,private",
        "http://127.0.0.1\\.evil/private",
        "http://[",
    ],
)
def test_redirects_to_other_hosts_are_refused(server: Server, client: HttpClient, location: str) -> None:
    """Each hop is checked as the first URL is."""
    server.on("/", lambda exchange: exchange.redirect(location.format(port=server.port)))
    server.on("/private", lambda exchange: exchange.answer(200, b"private"))

    with pytest.raises(ForbiddenHost):
        body(client, server.url("/"))
    assert server.asked("/private") == []


def test_credentials_go_to_their_own_origin_alone(server: Server, client: HttpClient) -> None:
    """A redirect to another port is another server; one on the same server gets them again."""
    with serving() as other:
        server.on("/1", lambda exchange: exchange.redirect("/2"))
        server.on("/2", lambda exchange: exchange.redirect(other.url("/3")))
        other.on("/3", lambda exchange: exchange.answer(200))
        with client.get(parse_url(server.url("/1")), LOOPBACK, 20, credentials={"X-Token": "secret"}):
            pass

        assert [request.headers.get("x-token") for request in server.requests] == ["secret", "secret"]
        assert "x-token" not in other.requests[0].headers


OK = b"HTTP/1.1 200 OK\r\n"
DRIP_HEADERS = drips(b"X: y\r\n" + b"Z" * 60, after=OK)
DRIP_BODY = drips(b"x", after=OK + b"Content-Length: 1000000000\r\n\r\n")
ENDLESS: dict[str, Handler] = {
    "status line": drips(b"HTTP/1.1 2"),
    "headers": DRIP_HEADERS,
    "100 Continue": drips(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": DRIP_BODY,
    "chunks": drips(b"1\r\nx\r\n", after=OK + b"Transfer-Encoding: chunked\r\n\r\n"),
    "silence": says_nothing,
    "flood": floods,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_no_answer_holds_a_thread_beyond_its_time(server: Server, client: HttpClient, name: str) -> None:
    """A byte now and then, in the status line, the headers or the body, or bytes without an end."""
    server.on("/", ENDLESS[name])

    with pytest.raises(TransportError, match="no whole answer in time"):
        body(client, server.url("/"), seconds=0.5)


def test_redirects_share_the_time(server: Server, client: HttpClient) -> None:
    """Not each of them has all of it."""

    def slowly(exchange: Exchange) -> None:
        exchange.stopping.wait(0.3)
        exchange.redirect("/2")

    server.on("/1", slowly)
    server.on("/2", DRIP_HEADERS)

    with pytest.raises(TransportError) as caught:
        body(client, server.url("/1"), seconds=0.5)
    assert "no whole answer in time" in caught.value.words


def test_a_server_that_does_not_speak_tls_is_given_up() -> None:
    """It accepts and says nothing: the handshake has no more time than the rest."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = HttpClient(allow_loopback=True)
        with pytest.raises(TransportError) as caught:
            body(client, f"https://127.0.0.1:{listener.getsockname()[1]}/", seconds=0.5)
    assert "no whole answer in time" in caught.value.words


BROKEN: dict[str, tuple[bytes, bool]] = {
    "no answer": (b"", False),
    "reset before an answer": (b"", True),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", False),
    "half a status line": (b"HTTP/1.1 20", False),
    "half a header": (b"HTTP/1.1 200 OK\r\nContent-Le", False),
    "half of the headers": (b"HTTP/1.1 200 OK\r\nDate: x\r\n", False),
    "half a location": (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/ha", False),
    "body short of its length": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", False),
    "reset in the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", True),
    "last chunk missing": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", False),
    "no chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hexadecimal\r\n", False),
    "a length after no header": (b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 100\r\n\r\nhalf", False),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhalf", False),
    "an endless header": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", False),
    "too many headers": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", False),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_a_transport_error(server: Server, client: HttpClient, name: str) -> None:
    """Every way to break an answer has one error, and another try may find it mended."""
    data, reset = BROKEN[name]

    server.on("/", raw(data, reset=reset))

    with pytest.raises(TransportError, match=r"127\.0\.0\.1: ") as caught:
        body(client, server.url("/"))
    assert "in time" not in caught.value.words


def test_a_refused_connection_is_a_transport_error(client: HttpClient) -> None:
    """Nobody listens there."""
    with serving() as gone:
        url = gone.url("/")
    with pytest.raises(TransportError, match="none of its addresses answers"):
        body(client, url)


def test_connections_are_used_again_but_not_after_half_an_answer(server: Server, client: HttpClient) -> None:
    """What is left of one answer must never be read as another's."""
    server.on("/whole", lambda exchange: exchange.answer(200, b"whole"))
    server.on("/half", lambda exchange: exchange.answer(200, b"x" * 100_000))
    for _ in range(3):
        assert body(client, server.url("/whole")) == b"whole"
    assert server.connections == 1

    with client.get(parse_url(server.url("/half")), LOOPBACK, 20) as answer:
        assert next(answer.chunks(10)) == b"x" * 10

    assert body(client, server.url("/whole")) == b"whole"
    assert server.connections == 2


def test_a_connection_that_was_closed_while_idle_is_replaced(server: Server, client: HttpClient) -> None:
    """Hosts close idle connections; that is no error."""
    server.on("/", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere"))

    for _ in range(3):
        assert body(client, server.url("/")) == b"here"
        server.wait_until_closed()
    assert server.connections == 3


def test_proxies_of_the_environment_are_ignored(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy resolves names by itself, past the check."""
    with serving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        monkeypatch.delenv("no_proxy", raising=False)
        server.on("/", lambda exchange: exchange.answer(200, b"here"))

        assert body(HttpClient(allow_loopback=True), server.url("/")) == b"here"
        assert proxy.connections == 0


@pytest.mark.parametrize("malformed", [False, True])
def test_urls_do_not_reach_the_log(server: Server, caplog: pytest.LogCaptureFixture, malformed: bool) -> None:
    """urllib3 logs each path and query at DEBUG, and the whole URL at WARNING when headers are malformed."""
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "urllib3.connection", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" + (b"no colon here\r\n" if malformed else b"") + b"\r\n"
    server.on("/key", raw(head + b"here"))

    client = HttpClient(allow_loopback=True)
    with client.get(parse_url(server.url("/key?X-Amz-Signature=abcdef")), LOOPBACK, 20):
        pass

    assert any(record.name.startswith("urllib3") for record in caplog.records)
    assert "abcdef" not in caplog.text
    assert "/key" not in caplog.text


def test_one_client_serves_many_threads(server: Server, client: HttpClient) -> None:
    """Each gets its own answer, over no more connections than threads."""
    for number in range(16):
        server.on(f"/{number}", lambda exchange: exchange.answer(200, exchange.target.encode() * 5000))
    wrong: list[str] = []

    def get_all(first: int) -> None:
        for number in range(16):
            target = f"/{(first + number) % 16}"
            if body(client, server.url(target)) != target.encode() * 5000:
                wrong.append(target)

    threads = [threading.Thread(target=get_all, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert len(server.requests) == 8 * 16
    assert server.connections <= 8
