"""What came of a wish: the attempts, what is proven of each, and that in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demos.web.editing.graphs import by_seed
from demos.web.editing.pictures import thumbnail
from demos.web.visits import Visit
from demos.web.words import counted, listed, several
from pipelines.images import read_image, write_image
from pipelines.nodes.selection import names_of
from pipelines.runner import RunResult
from pipelines.values import Detections, EditPlan, Image


@dataclass(frozen=True, eq=False)
class Attempt:
    """One attempt as a file without loss; `score` is from 0 to 1, the report is what the painting node said."""

    seed: int
    score: float
    report: Mapping[str, Any]
    file: Path
    small: str

    @property
    def widen(self) -> float:
        return float(self.report["asked"]["widen"])

    @property
    def has_changed(self) -> bool:
        return bool(self.report["verify"]["changed_pixels"])

    def picture(self, photo: Image) -> Image:
        """The picture, with the name, EXIF and colour profile of the one that it was made from."""
        pixels = read_image(self.file)
        return replace(photo, pixels=pixels.pixels, alpha=pixels.alpha)

    def words(self) -> str:
        """What was done, edit by edit, each with what the report remarks on it."""
        return " ".join(f"{_done(edit)}{_remark(edit)}." for edit in self.report["edits"])

    def proof(self) -> str:
        """What was counted of the pixels."""
        verified = self.report["verify"]
        if not verified["changed_pixels"]:
            return "Not one pixel changed."
        outside = verified["changed_outside"]
        return (
            f"{counted(verified['changed_pixels'], 'pixel')} changed, {outside or 'none'} outside of what was painted."
        )


def attempts_of(result: RunResult, visit: Visit) -> tuple[Attempt, ...]:
    """All attempts of a run of `graphs.painting`, the best first; their pictures go to the visitor's folder."""
    outputs = result.outputs
    pictures = by_seed(outputs["painted"]) | by_seed(outputs["repainted"])
    reports = by_seed(outputs["reports"]) | by_seed(outputs["rereports"])
    judged = json.loads(outputs["report"])
    scores = {tried["seed"]: float(tried["score"]) for tried in judged["candidates"]}
    best = int(judged["asked"]["seed"])
    ranked = sorted(pictures, key=lambda seed: (seed != best, -scores[seed], seed))
    return tuple(_attempt(seed, scores[seed], json.loads(reports[seed]), pictures[seed], visit) for seed in ranked)


def not_found(plan: EditPlan, things: Detections) -> str:
    """What to say where nothing can be done, because nothing that the plan is about was found."""
    there = {name.lower() for name in names_of(things)}
    wanted = [edit.target for edit in plan.edits if edit.action not in ("keep", "background") and edit.target]
    if missing := [name for name in dict.fromkeys(wanted) if name.lower() not in there]:
        names = listed([f"“{name}”" for name in missing])
        return f"No {names} found, so nothing was changed. Is it there? Then click on it in the picture below."
    return "Nothing that was found is what the sentence means, so nothing was changed. Try to say it another way."


def trace_rows(result: RunResult) -> Sequence[Mapping[str, Any]]:
    """The steps of a run, as a report tells them."""
    return [
        {"name": span.name, "outcome": span.outcome, "seconds": round(span.seconds, 3)} for span in result.trace.nodes
    ]


def _attempt(seed: int, score: float, report: Mapping[str, Any], picture: Image, visit: Visit) -> Attempt:
    write_image(replace(picture, source=None), file := visit.file(f"attempt-{seed}.png"))
    return Attempt(seed, score, report, file, thumbnail(picture, visit))


def _remark(edit: Mapping[str, Any]) -> str:
    return f" ({edit['remark']})" if "remark" in edit else ""


def _done(edit: Mapping[str, Any]) -> str:
    """One edit of a report in a short sentence."""
    target, found, new = edit["target"], edit["found"], edit["replacement"]
    match edit["action"]:
        case "add":
            return f"Added: {new}" if edit["painted"] else f"No room for: {new}"
        case "background":
            return f"What lies behind is now: {new}" if edit["painted"] else "The background stays"
        case _ if not found:
            return f"No “{target}” found"
        case "recolour":
            return f"{several(found, target)} made {new}"
        case "replace":
            return f"{several(found, target)} replaced with: {new}"
        case action:
            return f"{several(found, target)} {'removed' if action == 'remove' else 'kept'}"
