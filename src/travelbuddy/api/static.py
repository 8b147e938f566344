"""The files of the chat page as they travel: read once, packed once, known by what is in them."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response

import travelbuddy

PAGE = Path(travelbuddy.__file__).with_name("web")
TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".png": "image/png",
}
"""What is served; any other file of the folder is not there."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""The page loads its own files and calls its own service; no script can make elements of text."""
_NAME = re.compile(r"(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+(\.[a-z]+)")
_WORTH_PACKING = 256


@dataclass(frozen=True)
class _File:
    body: bytes
    packed: bytes
    etag: str
    media_type: str


def page_file(name: str, asked: Headers) -> Response | None:
    """The file as this request wants it: whole, packed, or 304 where the client has it already. None: no such file."""
    if (found := _find(name)) is None:
        return None
    packed = bool(found.packed) and _takes_gzip(asked)
    etag = f'"{found.etag}-gzip"' if packed else f'"{found.etag}"'
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-cache",
        "ETag": etag,
        "Vary": "Accept-Encoding",
    }
    if _has(asked, found.etag):
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(found.packed if packed else found.body, headers=headers, media_type=found.media_type)


def _find(name: str) -> _File | None:
    """A file of the folder; the form of its name leads nowhere else."""
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in TYPES:
        return None
    try:
        seen = (path := PAGE / name).stat()
    except OSError:
        return None
    return _read(path, seen.st_mtime_ns, seen.st_size) if path.is_file() else None


@lru_cache(maxsize=256)
def _read(path: Path, changed: int, size: int) -> _File:
    """``changed`` and ``size`` are of the file as it is now, so that who works on the page sees each change."""
    body = path.read_bytes()
    packed = gzip.compress(body, mtime=0) if len(body) >= _WORTH_PACKING and path.suffix != ".png" else b""
    return _File(body, packed, hashlib.sha256(body).hexdigest()[:16], TYPES[path.suffix])


def _takes_gzip(asked: Headers) -> bool:
    for part in asked.get("accept-encoding", "").lower().split(","):
        coding, _, quality = part.replace(" ", "").partition(";q=")
        if coding == "gzip":
            return not re.fullmatch(r"0(\.0*)?", quality)
    return False


def _has(asked: Headers, etag: str) -> bool:
    """Whether the client has this content, packed or not; a proxy may have marked its tag as weak."""
    given = re.findall(r'"([^"]*)"', asked.get("if-none-match", ""))
    return any(tag.removesuffix("-gzip") == etag for tag in given)
