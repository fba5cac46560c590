"""Where a provider's answers lead: other hosts, other schemes, this machine in all its spellings."""

from __future__ import annotations

from tests.zoo.specimen import Group, Specimen, names, redirect

ELSEWHERE = {
    "the metadata server": "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token",
    "the metadata server by name": "http://metadata.google.internal/computeMetadata/v1/",
    "the metadata server, decimal": "http://2852039166/latest/meta-data/",
    "the metadata server in IPv6": "http://[fd00:ec2::254]/latest/meta-data/",
    "loopback": "{trap}",
    "loopback, decimal": "http://2130706433:{port}/private",
    "loopback, octal": "http://0177.0.0.1:{port}/private",
    "loopback, hexadecimal": "http://0x7f000001:{port}/private",
    "loopback, shortened": "http://127.1:{port}/private",
    "loopback, another address of it": "http://127.127.127.127:{port}/private",
    "loopback, IPv6": "http://[::1]:{port}/private",
    "loopback, IPv4 in IPv6": "http://[::ffff:127.0.0.1]:{port}/private",
    "loopback, IPv4 in IPv6 in hexadecimal": "http://[::ffff:7f00:1]:{port}/private",
    "loopback, NAT64": "http://[64:ff9b::7f00:1]:{port}/private",
    "loopback, 6to4": "http://[2002:7f00:1::]:{port}/private",
    "loopback, with a zone": "http://[fe80::1%25lo]:{port}/private",
    "no address": "http://0.0.0.0:{port}/private",
    "no address, shortened": "http://0:{port}/private",
    "localhost": "http://localhost:{port}/private",
    "localhost with a trailing dot": "http://LOCALHOST.:{port}/private",
    "a name before an @": "http://files.zoo@localhost:{port}/private",
    "a name behind an @": "http://localhost:{port}@files.zoo/private",
    "a backslash": "http://localhost:{port}\\@files.zoo/private",
    "a tab in the host": "http://local\thost:{port}/private",
    "full-width digits": "http://１２７.0.0.1:{port}/private",
    "ideographic full stops": "http://127。0。0。1:{port}/private",
    "a name that begins like a good one": "http://files.zoo.evil.example:{port}/private",
    "a name that ends like a good one": "http://evilfiles.zoo:{port}/private",
    "a name below a good one": "http://x.files.zoo:{port}/private",
    "another file": "file:///etc/passwd",
    "data": "data:audio/wav;base64,UklGRiQAAABXQVZFZm10IBAAAAABAAEA",
    "ftp": "ftp://files.zoo/private",
    "gopher": "gopher://files.zoo:{port}/_GET%20/private",
    "javascript": "javascript:fetch(1)",
    "port 0": "http://files.zoo:0/private",
    "port 65536": "http://files.zoo:65536/private",
}

# What the name of the file's host stands for. With the stand-ins' setting, http reaches loopback alone and https
# loopback and what is public: so these are asked by https, where only private ones are kept out.
PRIVATE = {
    "the metadata server": ("169.254.169.254",),
    "10.0.0.1": ("10.0.0.1",),
    "172.16.0.1": ("172.16.0.1",),
    "192.168.0.1": ("192.168.0.1",),
    "carrier-grade NAT": ("100.64.0.1",),
    "0.0.0.0": ("0.0.0.0",),
    "broadcast": ("255.255.255.255",),
    "multicast": ("224.0.0.1", "ff02::1"),
    "unique local IPv6": ("fd00::1",),
    "link-local IPv6": ("fe80::1",),
    "IPv4 in IPv6": ("::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    "NAT64": ("64:ff9b::a00:1",),
    "6to4": ("2002:a00:1::",),
    "Teredo": ("2001:0:a00:1::",),
}

GROUP = Group(
    "Hosts",
    "Both as the download API's answer and as a redirect of the file's host (`->`); and by name, as DNS may answer.",
    (
        *(Specimen(name, "FORBIDDEN_HOST", api=names(url)) for name, url in ELSEWHERE.items()),
        *(Specimen(f"-> {name}", "FORBIDDEN_HOST", host=redirect(url)) for name, url in ELSEWHERE.items()),
        *(
            Specimen(f"DNS: {name}", "FORBIDDEN_HOST", api=names("https://files.zoo/file"), addresses=(addresses,))
            for name, addresses in PRIVATE.items()
        ),
        Specimen("DNS: loopback and private, the good one is taken", "SUCCESS", addresses=(("10.0.0.1", "127.0.0.1"),)),
        Specimen(
            "DNS: another answer for the redirect to the same name",
            "FORBIDDEN_HOST",
            host=redirect("https://files.zoo/file"),
            addresses=(("127.0.0.1",), ("10.0.0.1",)),
        ),
        Specimen("DNS: no number", "DOWNLOAD_FAILED", addresses=(("files.zoo",),)),
        Specimen(
            "the API redirects to the file's host", "FORBIDDEN_HOST", api=redirect("http://files.zoo:{port}/file")
        ),
        Specimen("the API redirects to the metadata server", "FORBIDDEN_HOST", api=redirect("http://169.254.169.254/")),
        Specimen("a redirect to itself, for ever", "REFUSED", host=redirect("/file")),
        Specimen("a redirect to nowhere", "REFUSED", host=lambda visit, exchange: exchange.answer(302)),
        Specimen("a redirect to half a bracket", "FORBIDDEN_HOST", host=redirect("http://[::1/private")),
    ),
)
