"""What one tab hands to another: a picture, and a thing in it that was outlined by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from demos.web.editing.wish import Addition, Click


@dataclass(frozen=True)
class Offer:
    """A picture's path, and the thing in it as the clicks and the box that outline it."""

    photo: str
    thing: Addition


class Handover:
    """Where a visitor's tabs leave things for each other."""

    def __init__(self) -> None:
        self._offer: Offer | None = None

    def offer(
        self,
        photo: str,
        clicks: Sequence[tuple[float, float, bool]],
        box: tuple[float, float, float, float] | None = None,
        name: str = "thing",
    ) -> None:
        """Leave a picture and a thing in it: clicks as x, y and whether they are on it, the box as x0 y0 x1 y1."""
        corners = "" if box is None else f"{box[0]:g},{box[1]:g}; {box[2]:g},{box[3]:g}"
        self._offer = Offer(photo, Addition(name, tuple(Click(*click) for click in clicks), corners))

    def take(self) -> Offer | None:
        """What was left, if anything; it is gone then."""
        offer, self._offer = self._offer, None
        return offer
