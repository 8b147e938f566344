"""The files of the chat page: what is sent, packed or not, and what is never sent."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.api.test_service_in_memory import Service

import travelbuddy
from travelbuddy.api import static

FORBIDDEN = [
    "/web/",
    "/web/none.js",
    "/web/components",
    "/web/../secret.json",
    "/web/%2e%2e/secret.json",
    "/web/..%2fsecret.json",
    "/web/components/..%2f..%2fsecret.json",
    "/web/%2fetc%2fpasswd",
    "/web/__init__.py",
    "/web/a%00.js",
    "/web/.hidden.js",
    "/web/app.css/",
]


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """The service with a page of two files, and one that is none of them."""
    page = tmp_path / "web"
    (page / "components").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html>" + "<p>hello</p>" * 50)
    (page / "components" / "tb-chat.js").write_text("export {}")
    (page / "__init__.py").write_text("")
    (tmp_path / "secret.json").write_text("{}")
    monkeypatch.setattr(static, "PAGE", page)
    service = Service()
    yield service
    await service.http.aclose()


def test_the_package_has_a_page() -> None:
    """The page is where the package is, so that it comes with every installation."""
    assert (Path(travelbuddy.__file__).parent / "web" / "index.html").is_file()
    assert Path(travelbuddy.__file__).parent / "web" == static.PAGE


async def test_the_page_may_load_its_own_files_only(service: Service) -> None:
    """It comes with a policy that forbids other places, inline scripts and making elements of text."""
    answer = await service.http.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    script = await service.http.get("/web/components/tb-chat.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["content-security-policy"] == answer.headers["content-security-policy"]
    assert script.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", FORBIDDEN)
async def test_nothing_else_is_sent(service: Service, path: str) -> None:
    """What is no file of the page is 404, by whatever name it is asked for."""
    answer = await service.http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors")


@pytest.mark.parametrize(
    ("accepts", "packed"),
    [("gzip, br", True), ("br;q=1.0, GZIP;q=0.5", True), ("br", False), ("", False), ("gzip;q=0", False)],
)
async def test_a_file_is_packed_for_whoever_takes_it(service: Service, accepts: str, packed: bool) -> None:
    """Packed it is smaller and the same, and caches on the way are told that it depends on the request."""
    request = service.http.build_request("GET", "/", headers={"Accept-Encoding": accepts})
    answer = await service.http.send(request, stream=True)
    raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert answer.headers["vary"] == "Accept-Encoding"
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert (gzip.decompress(raw) if packed else raw) == (static.PAGE / "index.html").read_bytes()


async def test_only_files_are_packed(service: Service) -> None:
    """Answers with secrets of people, and streams, stay as they are: packing tells of the one and delays the other."""
    answer = await service.http.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("accepts", ["gzip", "identity"])
async def test_a_file_is_sent_once(service: Service, accepts: str) -> None:
    """Whoever has it gets 304 and no body, until it changes; also when a proxy called its tag weak."""
    headers = {"Accept-Encoding": accepts}
    tag = (await service.http.get("/", headers=headers)).headers["etag"]
    other = {"Accept-Encoding": "identity" if accepts == "gzip" else "gzip"}
    assert (await service.http.get("/", headers=other)).headers["etag"] != tag, "other bytes have another tag"
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = await service.http.get("/", headers={**headers, "If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    (static.PAGE / "index.html").write_text("<!doctype html><p>bye</p>")
    changed = await service.http.get("/", headers={**headers, "If-None-Match": tag})
    assert (changed.status_code, changed.text) == (200, "<!doctype html><p>bye</p>")


async def test_the_head_of_a_file(service: Service) -> None:
    """HEAD says what GET would, without the body."""
    answer = await service.http.head("/", headers={"Accept-Encoding": "identity"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == (static.PAGE / "index.html").stat().st_size
