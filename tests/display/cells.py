"""A notebook's kernel that only keeps what it is sent."""

from __future__ import annotations

import io
import json
from typing import Any


class Publisher:
    """What IPython's shells publish displays by."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.refuses: Exception | None = None

    def publish(self, data: dict[str, str], _metadata: object, *, transient: dict[str, str], update: bool) -> None:
        """Keep it, as the JSON that goes to a front end."""
        if self.refuses is not None:
            raise self.refuses
        data = json.loads(json.dumps(data, ensure_ascii=False).encode())
        self.sent.append({"data": data, "id": transient["display_id"], "update": update})


class Shell:
    """A shell whose cells are numbers."""

    def __init__(self) -> None:
        self.display_pub = Publisher()
        self.cell = "1"
        self.stdout = io.StringIO()

    def get_parent(self) -> dict[str, Any]:
        """Return the request that asked for the cell at hand."""
        return {"header": {"msg_id": self.cell}}

    @property
    def sent(self) -> list[dict[str, Any]]:
        """All that was published."""
        return self.display_pub.sent

    def texts(self) -> list[str]:
        """Return the plain text of each picture."""
        return [one["data"].get("text/plain", "") for one in self.sent]
