"""What models cost: the setting ``MODEL_PRICES``, a JSON object, or the path of a file that holds one.

    {"gpt-4o-mini": {"prompt": 0.15, "completion": 0.60}}

in dollars per million tokens. Of a model that is not in it no cost is counted: its tokens are counted as unpriced.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

MILLION = 1_000_000


class Price(BaseModel):
    """Dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)

    def of(self, prompt: int, completion: int) -> float:
        """Dollars for so many tokens."""
        return (prompt * self.prompt + completion * self.completion) / MILLION


class Prices(RootModel[dict[str, Price]]):
    """Prices by the model's name, as it stands in ``OPENAI_MODEL``."""

    def of(self, model: str) -> Price | None:
        """The model's price, if it is known."""
        return self.root.get(model)


def read_prices(setting: str) -> Prices:
    """The prices of the setting; none when it is empty. Raises ValueError that names what is wrong."""
    text = setting.strip()
    if text and not text.startswith("{"):
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the file of prices cannot be read ({error}); write JSON, or a file's path") from error
    try:
        return Prices.model_validate_json(text or "{}")
    except ValidationError as invalid:
        bad = "; ".join(f"{'.'.join(map(str, one['loc']))} {one['msg']}".strip() for one in invalid.errors()[:3])
        raise ValueError(
            f'{bad}; write {{"MODEL": {{"prompt": DOLLARS, "completion": DOLLARS}}}} per million tokens'
        ) from invalid
