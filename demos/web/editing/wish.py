"""What a visitor wants done to a picture, as one value: every correction gives another one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

MOST_TRIES = 6


@dataclass(frozen=True, slots=True)
class Click:
    """A place in pixels of the picture, `on` the thing or not on it."""

    x: float
    y: float
    on: bool = True

    def __str__(self) -> str:
        return f"{'+' if self.on else '-'}{self.x:.0f},{self.y:.0f}"


@dataclass(frozen=True, slots=True)
class Mend:
    """Clicks that put right the mask of the found `thing`, counted from 0."""

    thing: int
    clicks: tuple[Click, ...]


@dataclass(frozen=True, slots=True)
class Addition:
    """Clicks on a thing that was not found, its name, and its box as the node sam/mend reads it."""

    name: str
    clicks: tuple[Click, ...]
    box: str = ""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A picture's path, a sentence, and what was corrected since.

    `plan` is the corrected plan as JSON, empty where the sentence stands as it was read. Things are counted from 0:
    first those that were found, then those `added`. `dropped` ones were found but are none.
    """

    photo: str
    sentence: str
    seed: int = 0
    tries: int = 3
    shadows: bool = False
    plan: str = ""
    mends: tuple[Mend, ...] = ()
    added: tuple[Addition, ...] = ()
    dropped: tuple[int, ...] = ()

    @property
    def clicks(self) -> tuple[Click, ...]:
        """All clicks on whatever thing."""
        mended = tuple(click for mend in self.mends for click in mend.clicks)
        return mended + tuple(click for addition in self.added for click in addition.clicks)

    def about(self, photo: str, sentence: str) -> Wish:
        """The same wish if it is about this picture and sentence, else a new one with nothing corrected."""
        if (photo, sentence) == (self.photo, self.sentence):
            return self
        return Wish(photo=photo, sentence=sentence, seed=self.seed, tries=self.tries, shadows=self.shadows)

    def planned(self, plan: str) -> Wish:
        """With a corrected plan; where it is another one, other things are found, and corrections of masks are void."""
        return self if plan == self.plan else replace(self, plan=plan, mends=(), added=(), dropped=())

    def clicks_on(self, thing: int, found: int) -> tuple[Click, ...]:
        """The clicks on a thing, of which `found` were found."""
        if thing >= found:
            return self.added[thing - found].clicks if thing - found < len(self.added) else ()
        return next((mend.clicks for mend in self.mends if mend.thing == thing), ())

    def clicked(self, thing: int, found: int, clicks: tuple[Click, ...], name: str = "") -> Wish:
        """With these clicks, and no others, on a thing; one past the last adds one more of this name.

        Without a click a found thing is as it was found, and an added one is gone.
        """
        if thing >= found:
            place = thing - found
            before = [*self.added, Addition(name, ())][place]
            new = (replace(before, clicks=clicks),) if clicks else ()
            return replace(self, added=(*self.added[:place], *new, *self.added[place + 1 :]))
        others = [mend for mend in self.mends if mend.thing != thing]
        mends = [*others, Mend(thing, clicks)] if clicks else others
        return replace(self, mends=tuple(sorted(mends, key=lambda mend: mend.thing)))

    def toggled(self, thing: int, found: int) -> Wish:
        """With a found thing left out, or taken back in; without an added one."""
        if thing >= found:
            return self.clicked(thing, found, ())
        kept = tuple(other for other in self.dropped if other != thing)
        return replace(self, dropped=kept if thing in self.dropped else tuple(sorted((*kept, thing))))


def places(clicks: Iterable[Click], *, on: bool) -> str:
    """The clicks of one kind as the node sam/mend reads them."""
    return "; ".join(f"{click.x:g},{click.y:g}" for click in clicks if click.on is on)


def read_clicks(text: str) -> tuple[Click, ...]:
    """Clicks as a visitor may write them, "+120,80 -30,40". Raises `ValueError`."""
    clicks = []
    for word in text.replace(";", " ").split():
        x, _, y = word.lstrip("+-").partition(",")
        clicks.append(Click(float(x), float(y), on=not word.startswith("-")))
    return tuple(clicks)
