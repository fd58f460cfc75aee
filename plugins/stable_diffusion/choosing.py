"""Several attempts at an edit, and the best of them: nodes around any node that paints and any that looks."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pipelines.errors import PortError
from pipelines.signature import node
from pipelines.values import Boxes, Each, EditPlan, Image, Many, Text
from plugins.stable_diffusion.scoring import phrase_of, scores_of_squares, total

# Squares of one attempt have seeds that follow each other.
_APART = 1000


class Tries(NamedTuple):
    """An axis of attempts, each with a seed and with how much wider than usual it paints."""

    seeds: Each[int]
    widths: Each[float]


class Chosen(NamedTuple):
    """The best attempt, its report with the scores of all, its score from 0 to 1, and a seed that none has used."""

    image: Image
    report: Text
    score: float
    next_seed: int


@node("edits/tries", version=1)
def tries(*, seed: int = 0, count: int = 4, widen: float = 1.0) -> Tries:
    """Open an axis of attempts with seeds of their own, for stable_diffusion/edit.

    Args:
        seed: Of the first attempt; the others have seeds far enough apart for pictures in which much is painted.
        count: How many.
        widen: How far beyond the things they paint, as a multiple of what the model's makers recommend.
    """
    if count < 1:
        raise PortError(f"count is {count}, which leaves nothing to choose from. Give 1 or more.")
    seeds = [seed + _APART * number for number in range(count)]
    return Tries({f"seed {each}": each for each in seeds}, {f"seed {each}": widen for each in seeds})


@node("edits/looked_for", version=1)
def looked_for(plan: EditPlan) -> Text:
    """What to look for in an edited picture, as a prompt: the new things, and the old ones, which should be gone.

    Args:
        plan: What was to be done.
    """
    names = [
        name
        for edit in plan.edits
        if edit.action not in ("keep", "background")
        for name in ("" if edit.action == "recolour" else edit.replacement or "", edit.target)
    ]
    return " ".join(f"{phrase_of(name)}." for name in dict.fromkeys(name.lower() for name in names) if phrase_of(name))


@node("edits/choose", version=1)
def choose(
    image: Image,
    candidates: Many[Image],
    reports: Many[Text],
    seen: Many[Boxes],
    *,
    earlier: Image | None = None,
    earlier_report: Text = "",
) -> Chosen:
    """The attempt that came out best: new things seen where they were painted, old ones not, edges that do not show.

    Of equals the first is taken. The report is that of the best attempt, with the seed that paints it again, and the
    scores of all under "candidates".

    Args:
        image: The picture before the edit.
        candidates: The picture after each attempt.
        reports: What stable_diffusion/edit reported of each.
        seen: What a detector finds in each candidate, asked for what edits/looked_for says.
        earlier: The best of earlier attempts, which stays if none of these is better.
        earlier_report: Its report, as this node gave it.
    """
    judged = {key: _judged(image, candidates[key], json.loads(reports[key]), seen[key]) for key in candidates}
    best = max(judged, key=lambda key: judged[key]["score"])
    picture, report, before = candidates[best], json.loads(reports[best]), []
    if earlier is not None and earlier_report:
        kept = json.loads(earlier_report)
        before = kept.pop("candidates")
        if kept["score"] >= judged[best]["score"]:
            picture, report = earlier, kept
    every = [*before, *judged.values()]
    score = max(each["score"] for each in every)
    told = json.dumps({**report, "score": score, "candidates": every}, indent=2)
    return Chosen(picture, told, score, max(each["seed"] for each in every) + _APART)


def _judged(before: Image, after: Image, report: dict[str, Any], seen: Boxes) -> dict[str, Any]:
    squares = scores_of_squares(report, before.pixels, after.pixels, seen)
    asked = report["asked"]
    rounded = [{name: round(score, 4) for name, score in square.items()} for square in squares]
    return {"seed": asked["seed"], "widen": asked["widen"], "score": round(total(squares), 4), "squares": rounded}
