"""Webhooks: signed as the specification says, and sent nowhere but to the public internet."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from travelbuddy.adapters import webhooks
from travelbuddy.adapters.public_addresses import Address
from travelbuddy.adapters.webhooks import Resolve, Webhooks, resolve
from travelbuddy.domain.signing import secret_bytes, signature
from travelbuddy.errors import ToolError, Transient

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  the specification's own example
KEY = secret_bytes(SECRET)
NOW = 1_614_265_330.0
PUBLIC = "93.184.215.14"


def named(*addresses: str) -> Resolve:
    """A resolver that knows every name, at these addresses."""

    async def find(host: str, port: int) -> Sequence[Address]:
        return [ip_address(address) for address in addresses]

    return find


def sender(
    answer: Callable[[httpx.Request], httpx.Response] = lambda request: httpx.Response(204),
    find: Resolve | None = None,
    *,
    allow_private: bool = False,
) -> Webhooks:
    """Webhooks whose receiver is a function."""
    transport = httpx.MockTransport(answer)
    find = find or named(PUBLIC)
    return Webhooks(KEY, allow_private=allow_private, resolve=find, transport=transport, clock=lambda: NOW)


def test_the_signature_is_the_specifications() -> None:
    """The example that the libraries of Standard Webhooks are tested with."""
    signed = signature(KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_***", SECRET.removeprefix("whsec_")])
def test_a_bad_secret_is_refused_with_a_way_to_make_one(secret: str) -> None:
    """One without its prefix, that is no base64, or too short to protect anything."""
    with pytest.raises(ValueError, match="openssl rand"):
        secret_bytes(secret)


async def test_an_event_is_sent_signed_to_the_address_that_was_checked() -> None:
    """The connection goes to the address; the request and the certificate are the name's."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, text="thanks")

    await sender(answer).send("https://hooks.example/fares?a=b#c", "w-1", {"type": "fare_watch.fell"})
    (request,) = sent
    assert str(request.url) == f"https://{PUBLIC}/fares?a=b"
    assert request.headers["host"] == "hooks.example"
    assert request.extensions["sni_hostname"] == "hooks.example"
    assert request.content == b'{"type":"fare_watch.fell"}'
    assert request.headers["content-type"] == "application/json"
    stamp = int(request.headers["webhook-timestamp"])
    assert (request.headers["webhook-id"], stamp) == ("w-1", int(NOW))
    assert request.headers["webhook-signature"] == signature(KEY, "w-1", stamp, request.content)


FORMS = {
    "http://hooks.example/": "https",
    "http://127.0.0.1/": "https",
    "ftp://hooks.example/": "https",
    "hooks.example/fares": "no host",
    "https://": "no host",
    "https:///fares": "no host",
    "https://user@hooks.example/": "user name",
    "https://user:secret@hooks.example/": "user name",
    "https://:secret@hooks.example/": "user name",
    "https://hooks.example:22/": "port 443",
    "https://hooks.example:80/": "port 443",
    "https://hooks.example:99999/": "not an address",
    "https://hooks.example:x/": "not an address",
    "https://[::1/": "not an address",
    "https://hooks.example/a b": "spaces",
    "https://hooks.example\\@127.0.0.1/": "spaces",
    "https://hooks.example/\r\nHost: other": "spaces",
    "https://höoks.example/": "spaces",
    "https://hooks.example/" + "a" * 2_000: "2000 characters",
    "https://2130706433/": "four numbers",
    "https://127.1/": "four numbers",
    "https://0x7f.0.0.1/": "four numbers",
    "https://0x7f000001/": "four numbers",
    "https://0177.0.0.1/": "four numbers",
}


@pytest.mark.parametrize("url", FORMS)
async def test_an_address_of_a_bad_form_is_refused(url: str) -> None:
    """Each refusal names the field and says what to write."""
    with pytest.raises(ToolError, match=FORMS[url]) as refused:
        await sender().check(url)
    assert refused.value.field == "webhook"


PRIVATE = (
    "127.0.0.1",
    "127.255.0.9",
    "0.0.0.0",  # noqa: S104  nobody binds to it
    "0.1.2.3",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.215.14",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
)


@pytest.mark.parametrize("address", PRIVATE)
async def test_an_address_that_is_not_of_the_public_internet_is_refused(address: str) -> None:
    """Written as it is, found for a name, or found beside a public one; when it is chosen and when it is called."""
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(ToolError, match="private network"):
        await sender().check(f"https://{literal}/")
    for found in (named(address), named(PUBLIC, address)):
        with pytest.raises(ToolError, match="private network"):
            await sender(find=found).check("https://hooks.example/")
        with pytest.raises(ToolError, match="private network"):
            await sender(find=found).send("https://hooks.example/", "w-1", {})


@pytest.mark.parametrize("url", ["https://hooks.example/", "https://hooks.example:8443/x", f"https://{PUBLIC}:443/"])
async def test_public_addresses_are_fine(url: str) -> None:
    """By name or number, on the two ports of the web's safe half."""
    await sender().check(url)
    await sender(find=named("2606:2800:21f:cb07:6820:80da:af6b:8b2c")).check(url)


async def test_a_name_that_changes_its_address_is_not_followed() -> None:
    """A resolver that says a public address at first and a private one afterwards (DNS rebinding) gains nothing."""
    answers = iter([PUBLIC, PUBLIC, "127.0.0.1"])
    called: list[str] = []

    async def find(host: str, port: int) -> Sequence[Address]:
        return [ip_address(next(answers))]

    def answer(request: httpx.Request) -> httpx.Response:
        called.append(request.url.host)
        return httpx.Response(204)

    webhook = sender(answer, find)
    await webhook.check("https://hooks.example/")
    await webhook.send("https://hooks.example/", "w-1", {})
    with pytest.raises(ToolError):
        await webhook.send("https://hooks.example/", "w-2", {})
    assert called == [PUBLIC]


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 429, 500, 503])
async def test_any_other_answer_is_worth_another_try(status: int) -> None:
    """Also a redirect, which is not followed: it may lead anywhere."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(status, headers={"Location": "https://127.0.0.1/", "Retry-After": "7"})

    with pytest.raises(Transient, match=str(status)) as trouble:
        await sender(answer).send("https://hooks.example/", "w-1", {})
    assert trouble.value.retry_after == 7
    assert len(asked) == 1


async def test_a_receiver_that_is_gone_is_not_asked_again() -> None:
    """410 is for good, as the specification has it."""
    with pytest.raises(ToolError, match="410"):
        await sender(lambda request: httpx.Response(410)).send("https://hooks.example/", "w-1", {})


async def test_an_endless_answer_is_not_read() -> None:
    """The head of the answer says enough."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    await asyncio.wait_for(
        sender(lambda request: httpx.Response(200, content=endless())).send("https://hooks.example/", "w-1", {}), 5
    )


async def test_a_receiver_that_hangs_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it together has one time-out, also a name that nobody answers for."""
    monkeypatch.setattr(webhooks, "TIMEOUT", 0.1)

    async def hang(host: str, port: int) -> Sequence[Address]:
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(Transient, match="within"):
        await sender(find=hang).send("https://hooks.example/", "w-1", {})
    with pytest.raises(ToolError, match="resolved"):
        await sender(find=hang).check("https://hooks.example/")


async def test_a_name_that_is_not_known() -> None:
    """Refused when it is chosen; worth another try when an event is sent."""

    async def unknown(host: str, port: int) -> Sequence[Address]:
        raise OSError("Name or service not known")

    with pytest.raises(ToolError, match=r"'hooks\.example' cannot be resolved"):
        await sender(find=unknown).check("https://hooks.example/")
    with pytest.raises(Transient, match="reached"):
        await sender(find=unknown).send("https://hooks.example/", "w-1", {})


async def test_without_a_secret_nothing_is_sent() -> None:
    """And whoever wants it is told which setting is missing."""
    with pytest.raises(ToolError, match="WEBHOOK_SECRET"):
        await Webhooks(None).check("https://hooks.example/")


async def test_private_addresses_where_they_are_allowed() -> None:
    """For tests: any port, private addresses, and without TLS to this machine alone."""
    for url in ("http://127.0.0.1:9999/", "http://localhost:9999/", "https://10.0.0.1:22/"):
        await sender(find=named("127.0.0.1") if "localhost" in url else resolve, allow_private=True).check(url)
    for url in ("http://10.0.0.1/", "http://hooks.example/"):
        with pytest.raises(ToolError, match="https"):
            await sender(allow_private=True).check(url)
    with pytest.raises(ToolError, match="https"):
        await sender(find=named("10.0.0.1"), allow_private=True).check("http://localhost:80/")


async def test_the_certificate_must_be_the_names(tmp_path: Path) -> None:
    """Over real TLS, to an address: a certificate for the name is taken, one for another name is not."""
    authority = _certificate(tmp_path, "hooks.test")
    context = ssl.create_default_context(cafile=str(authority))
    async with _receiver(tmp_path) as (port, heard):
        for name, taken in (("hooks.test", True), ("other.test", False)):
            transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False)
            webhook = Webhooks(KEY, allow_private=True, resolve=named("127.0.0.1"), transport=transport)
            if taken:
                await webhook.send(f"https://{name}:{port}/", "w-1", {})
            else:
                with pytest.raises(Transient, match="reached"):
                    await webhook.send(f"https://{name}:{port}/", "w-1", {})
        assert len(heard) == 1
        assert b"Host: hooks.test:" in heard[0]


def _certificate(folder: Path, name: str) -> Path:
    """A certificate for the name that signs itself, and its key, in the folder."""
    key, who = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    since = datetime.now(UTC) - timedelta(minutes=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(since)
        .not_valid_after(since + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return path


@asynccontextmanager
async def _receiver(folder: Path) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A receiver with that certificate; yields its port and the heads of the requests."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1], heard
