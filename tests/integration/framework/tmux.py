"""A terminal that a test types into and looks at: a program in tmux, with a server of its own."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.integration.framework.polling import poll_until
from tests.integration.framework.program import clean_env, installed

WITHIN = 20.0
ENDED = "ended with code"


class Terminal:
    """``async with Terminal(command, folder) as terminal``: type, press keys, look. It ends with the block.

    ``folder`` becomes HOME, so that whatever a program writes there can be seen.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        width: int = 100,
        height: int = 40,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._tmux = installed("tmux", "tmux")
        self._command = f"{shlex.join(command)}; echo {ENDED} $?; exec sleep 600"
        self._size = ("-x", str(width), "-y", str(height))
        self._socket = folder / "tmux"
        self._env = clean_env({"HOME": str(folder), "LANG": "C.UTF-8", "TERM": "xterm-256color", **(env or {})})

    async def __aenter__(self) -> Terminal:
        self._run("new-session", "-d", *self._size, "-s", "test", self._command)
        self._run("set-option", "-g", "history-limit", "5000")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            print(f"----- the terminal -----\n{self.everything()}")
        self._run("kill-server")

    def type(self, text: str) -> None:
        """Type a line and press Enter."""
        self.literally(text)
        self.press("Enter")

    def literally(self, text: str) -> None:
        """Type these characters, whatever they mean to tmux."""
        self._run("send-keys", "-t", "test", "-l", text)

    def press(self, key: str) -> None:
        """Press one key, by tmux's name: C-c, C-d, Tab, Up, …."""
        self._run("send-keys", "-t", "test", key)

    def paste(self, text: str) -> None:
        """Paste as a terminal does, telling the program that it is a paste when it has asked for that."""
        self._run("set-buffer", text)
        self._run("paste-buffer", "-p", "-t", "test")

    def screen(self, *, escapes: bool = False) -> str:
        """What stands on the screen now; with ``escapes`` its colours too."""
        return self._run("capture-pane", "-p", "-J", *(["-e"] if escapes else []), "-t", "test")

    def everything(self) -> str:
        """The screen and what has scrolled off it."""
        return self._run("capture-pane", "-p", "-J", "-S", "-", "-t", "test")

    def cursor(self) -> tuple[int, int] | None:
        """Column and row of the cursor, from 0; None where it is hidden."""
        shown, x, y = self._run("display-message", "-p", "-t", "test", "#{cursor_flag} #{cursor_x} #{cursor_y}").split()
        return (int(x), int(y)) if shown == "1" else None

    def title(self) -> str:
        """The title that the program gave the terminal."""
        return self._run("display-message", "-p", "-t", "test", "#{pane_title}").strip()

    async def shows(self, *texts: str, within: float = WITHIN) -> float:
        """Wait until all of these have been printed somewhere; when that was (monotonic seconds)."""
        await poll_until(
            lambda: all(text in self.everything() for text in texts), within, f"the terminal shows {texts}"
        )
        return time.monotonic()

    async def prompts(self, within: float = WITHIN) -> None:
        """Wait until the last line is an empty prompt."""
        await poll_until(lambda: self.screen().rstrip().endswith("\n›"), within, "the terminal shows its prompt")

    async def interrupts_the_prompt(self) -> None:
        """Press Ctrl-C at the prompt, and once more where nothing has come of it.

        Between printing the prompt and waiting for a key, Python's readline module notices a signal only at the next
        key, so a Ctrl-C of that instant does nothing; a person presses it again.
        """
        self.press("C-c")
        try:
            await self.shows(ENDED, within=5)
        except AssertionError:
            self.press("C-c")

    async def code(self, within: float = WITHIN) -> int:
        """Wait until the program has ended; its exit code."""
        await self.shows(ENDED, within=within)
        await asyncio.sleep(0)
        return int(self.everything().split(ENDED)[1].split()[0])

    def _run(self, *arguments: str) -> str:
        command = [self._tmux, "-S", str(self._socket), "-f", "/dev/null", *arguments]
        return subprocess.run(command, env=self._env, capture_output=True, text=True, check=True, timeout=10).stdout
