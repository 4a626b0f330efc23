"""``promoted.json``: which version is promoted, and all that happened before. The only truth of it."""

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from wsdkd.errors import UserError
from wsdkd.files import publish_file

LEDGER = "promoted.json"


class Event(BaseModel):
    """A change of the promoted version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Literal["promoted", "rolled back"]
    version: int
    """Promoted from then on."""
    previous: int | None
    """Promoted until then."""
    time: str


class Ledger(BaseModel):
    """The promoted version and the events that led to it, the oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    current: int | None = None
    events: tuple[Event, ...] = ()

    @model_validator(mode="after")
    def _current_is_last(self) -> "Ledger":
        if self.current != (self.events[-1].version if self.events else None):
            raise ValueError("current is not the version of the last event")
        return self

    @property
    def versions(self) -> tuple[int, ...]:
        """All versions ever promoted, ascending."""
        return tuple(event.version for event in self.events if event.event == "promoted")

    def replaced(self) -> int | None:
        """The version that the current one replaced when it was promoted.

        Not the one of the event before: two rollbacks in a row go two versions back.
        """
        promoted = {event.version: event for event in self.events if event.event == "promoted"}
        return None if self.current is None else promoted[self.current].previous

    def rolled_back(self) -> dict[int, str]:
        """Versions that were left for an older one and not returned to, with the time of it."""
        left: dict[int, str] = {}
        for event in self.events:
            left.pop(event.version, None)
            if event.event == "rolled back" and event.previous is not None and event.version < event.previous:
                left[event.previous] = event.time
        return left

    def then(self, event: Event) -> "Ledger":
        """The ledger after one more event."""
        return Ledger(current=event.version, events=(*self.events, event))


def read_ledger(folder: Path) -> Ledger:
    """Read the ledger below ``folder``; without a file nothing is promoted.

    Raises:
        UserError: the file is damaged, or was written by another version.
    """
    path = folder / LEDGER
    try:
        return Ledger.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Ledger()
    except (ValidationError, UnicodeDecodeError) as error:
        what = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else None
        reason = f"{'.'.join(map(str, what['loc']))}: {what['msg']}" if what else str(error)
        raise UserError(
            f"{path}: damaged, or of another version ({reason.lstrip(': ')}); bring back the file, "
            f"or move {folder} away and promote a student anew"
        ) from None


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Put ``ledger`` in place of the one below ``folder``, at once."""
    with publish_file(folder / LEDGER) as aside:
        aside.write_text(json.dumps(ledger.model_dump(mode="json"), indent=1) + "\n", encoding="utf-8")
