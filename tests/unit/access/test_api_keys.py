"""AUTH=api-key: the file of hashed keys, read anew when it changes."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from travelbuddy.access.api_keys import ApiKeys, add_key, read_keys, revoke_keys
from travelbuddy.errors import IdentityUnavailable, RuntimeProblem, Unauthenticated


async def test_a_key_names_its_user_until_it_is_revoked(tmp_path: Path) -> None:
    """Keys are taken up and dropped without a restart; several of one user all count."""
    file = tmp_path / "keys"
    first = add_key(file, "ada")
    keys = ApiKeys(file)
    second, bobs = add_key(file, "ada"), add_key(file, "bob@example.com")
    assert [(await keys.caller(key)).user_id for key in (first, second, bobs)] == ["ada", "ada", "bob@example.com"]
    assert revoke_keys(file, "ada") == 2
    for gone in (first, second):
        with pytest.raises(Unauthenticated):
            await keys.caller(gone)
    assert (await keys.caller(bobs)).user_id == "bob@example.com"


async def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    """Nothing, nonsense, a hash out of the file, and a key with something added."""
    file = tmp_path / "keys"
    key = add_key(file, "ada")
    keys = ApiKeys(file)
    for bad in (None, "", "x", next(iter(read_keys(file))), key + "x", key[:-1], "🙂", "ada"):
        with pytest.raises(Unauthenticated):
            await keys.caller(bad)


def test_the_file_holds_no_key_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    """What is stored is the hash, and the file's mode is 0600, also after changes."""
    file = tmp_path / "keys"
    key = add_key(file, "ada")
    add_key(file, "bob")
    assert key.removeprefix("tb_") not in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_keys_added_at_once_are_all_there(tmp_path: Path) -> None:
    """Commands that change the file at the same time undo nothing of each other."""
    file = tmp_path / "keys"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add_key(file, f"user-{number}"), range(24)))
    assert set(read_keys(file).values()) == {f"user-{number}" for number in range(24)}


@pytest.mark.parametrize("user", ["", "a/b", "a|b", "x" * 129, "a\nb", " a", "a\\b"])
def test_an_impossible_user_gets_no_key(tmp_path: Path, user: str) -> None:
    """The command says what is wrong, and writes nothing."""
    with pytest.raises(RuntimeProblem, match="is no user id"):
        add_key(tmp_path / "keys", user)
    assert not (tmp_path / "keys").exists()


def test_a_bad_file_is_told_by_its_line(tmp_path: Path) -> None:
    """A missing file says how to make one; a bad line says which."""
    with pytest.raises(RuntimeProblem, match="travelbuddy keys add"):
        ApiKeys(tmp_path / "missing")
    file = tmp_path / "keys"
    file.write_text("# a comment\n\nnot-a-hash ada\n", encoding="utf-8")
    with pytest.raises(RuntimeProblem, match="line 3"):
        ApiKeys(file)


async def test_a_file_that_goes_bad_lets_nobody_in(tmp_path: Path) -> None:
    """While the list cannot be read the answer is "try again", neither yes nor no."""
    file = tmp_path / "keys"
    key = add_key(file, "ada")
    keys = ApiKeys(file)
    file.unlink()
    with pytest.raises(IdentityUnavailable):
        await keys.caller(key)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(IdentityUnavailable):
        await keys.caller(key)
