"""Texts that only who holds the key can read: AES-256-GCM, each bound to the place where it belongs.

A sealed text is ``sealed.v1.<id of the key>.<base64 of nonce and ciphertext>``: no character of it needs escaping in
JSON. What does not begin so was never sealed and is read as it is, so sealing can be switched on at any time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from travelbuddy.errors import CannotOpen

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MARK = "sealed.v1."
KEY_FORM = re.compile(r"[0-9a-fA-F]{64}")
_NONCE = 12


class Sealer:
    """Seals with one key and opens with any of several. Without a key to seal with, texts stay as they are.

    ``setting`` is the name by which messages call the keys. A sealed text opens only for the ``place`` it was sealed
    for, so that nobody can move it elsewhere.
    """

    def __init__(self, setting: str = "the key", key: str | None = None, more: Sequence[str] = ()) -> None:
        self._setting = setting
        self._ciphers = {key_id(one): _cipher(one) for one in (key, *more) if one}
        self._own = key_id(key) if key else ""

    @property
    def seals(self) -> bool:
        """False when ``seal`` changes nothing."""
        return bool(self._own)

    def seal(self, text: str, place: str) -> str:
        """The text as nobody can read it."""
        if not self._own:
            return text
        nonce = os.urandom(_NONCE)
        hidden = self._ciphers[self._own].encrypt(nonce, text.encode(errors="surrogatepass"), place.encode())
        return f"{MARK}{self._own}.{base64.b64encode(nonce + hidden).decode()}"

    def open(self, text: str, place: str) -> str:
        """The text as it was before ``seal``, also when it stands in quotes as JSON. Raises CannotOpen."""
        if not is_sealed(text):
            return text
        name, _, body = text.strip('"').removeprefix(MARK).partition(".")
        if (cipher := self._ciphers.get(name)) is None:
            raise CannotOpen(
                f"this is sealed with key {name[:8]!r}, which is not here; name that key in {self._setting}_OLD"
            )
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(body, validate=True)
            return cipher.decrypt(raw[:_NONCE], raw[_NONCE:], place.encode()).decode(errors="surrogatepass")
        except (InvalidTag, ValueError, binascii.Error) as bad:
            raise CannotOpen(f"this does not open with {self._setting}: it was changed, or moved here") from bad


def is_sealed(text: str) -> bool:
    """True for what ``seal`` made, also in quotes as JSON."""
    return text.startswith((MARK, f'"{MARK}'))


def key_id(key: str) -> str:
    """The name of a key, from which nobody can tell the key."""
    return hashlib.sha256(b"travelbuddy key " + bytes.fromhex(key)).hexdigest()[:8]


def _cipher(key: str) -> AESGCM:
    """Loaded when there is a key, because the library costs memory and time at the start."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(bytes.fromhex(key))
