"""AUTH=api-key: a file of hashed keys, read anew whenever it has changed.

A key is 256 random bits, so its plain SHA-256 tells nothing about it: there is no dictionary to try. The file has one
key a line, ``<SHA-256 in hex> <user id>``; a user may have several, to change them without a gap.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from travelbuddy.access.callers import Caller
from travelbuddy.domain.users import ID_PATTERN
from travelbuddy.errors import IdentityUnavailable, RuntimeProblem, Unauthenticated

log = structlog.get_logger(__name__)
PREFIX = "tb_"
_LINE = re.compile(r"^([0-9a-f]{64}) (.+)$")


class ApiKeys:
    """The Authenticator over a key file."""

    def __init__(self, file: Path) -> None:
        """Raises RuntimeProblem when the file cannot be read now."""
        self._file = file
        self._seen: object = None
        self._users: dict[str, str] = {}
        self._current()

    async def caller(self, credential: str | None) -> Caller:
        """See Authenticator."""
        if not credential:
            raise Unauthenticated("send your API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`")
        try:
            user_id = self._current().get(digest(credential))
        except RuntimeProblem as trouble:
            log.warning("identity.keys_not_read", reason=str(trouble))
            raise IdentityUnavailable("the list of API keys cannot be read", retry_after=5) from trouble
        if user_id is None:
            raise Unauthenticated("this API key is not known, or was revoked")
        return Caller(user_id)

    def _current(self) -> dict[str, str]:
        try:
            stat = self._file.stat()
        except OSError as error:
            raise _unusable(self._file, error) from error
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen != self._seen:
            self._users, self._seen = read_keys(self._file), seen
        return self._users


def digest(key: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def read_keys(file: Path) -> dict[str, str]:
    """User ids by the digests of their keys. Raises RuntimeProblem that names a bad line."""
    users = {}
    for number, line in enumerate(_read(file).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.match(line)
        if found is None or not _is_user(found[2]):
            raise RuntimeProblem(f"{file}: line {number} is not `<SHA-256 in hex> <user id>`.")
        users[found[1]] = found[2]
    return users


def add_key(file: Path, user_id: str) -> str:
    """A new key of this user, which is told now and never again. Raises RuntimeProblem."""
    if not _is_user(user_id):
        raise RuntimeProblem(f"{user_id!r} is no user id: 1 to 128 characters without slash, backslash or `|`.")
    key = PREFIX + secrets.token_urlsafe(32)
    with _changing(file):
        old = _read(file) if file.exists() else "# SHA-256 of a key, user id\n"
        _replace(file, f"{old}{digest(key)} {user_id}\n")
    return key


def revoke_keys(file: Path, user_id: str) -> int:
    """Take all keys of this user out of the file; how many there were. Raises RuntimeProblem."""
    with _changing(file):
        gone = {known for known, owner in read_keys(file).items() if owner == user_id}
        kept = [line for line in _read(file).splitlines(keepends=True) if line.split(" ", 1)[0] not in gone]
        _replace(file, "".join(kept))
    return len(gone)


@contextmanager
def _changing(file: Path) -> Iterator[None]:
    """One at a time: two that change the file at once would undo each other's work."""
    try:
        with file.with_name(f".{file.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise _unusable(file, error) from error


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unusable(file, error) from error


def _replace(file: Path, text: str) -> None:
    """Whoever reads sees the old file or the new one, and only its owner reads."""
    new = file.with_name(f".{file.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    new.replace(file)


def _is_user(user_id: str) -> bool:
    return len(user_id) <= 128 and re.fullmatch(ID_PATTERN, user_id) is not None


def _unusable(file: Path, error: Exception) -> RuntimeProblem:
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
    return RuntimeProblem(f"The list of API keys {file} cannot be used ({reason}). Make one by `travelbuddy keys add`.")
