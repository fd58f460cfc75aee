"""Many people on one page: does everybody get their own result, does nothing fail, does the memory come back.

    samloom demo --port 7860 &
    python benchmarks/load.py --pid PID [--url URL] [--users 20] [--minutes 2]

Each simulated visitor has a picture of a size that nobody else has, with a patch of a colour of its own. It edits,
segments, has the picture embedded for clicking as the page does, outlines everything and asks for plans, one after the
other until the time is up; then the queue drains. Every answer is checked: masks and frames must have the visitor's
size, pictures its patch, and a file that one visitor was given must be refused to the next. No picture is sent twice,
so that nothing comes from the cache. The time is spent in two halves, with the queue drained after each: the server's
resident memory, read from /proc, must be the same after both, 75 seconds after the last answer: the server gives back
what its runs have freed when it looks after its files, every half minute. Ends with 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import os
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image, ImageDraw

PATIENCE = 1800.0
REST_SECONDS = 75.0
PATCH = 24
LEFTOVER = 1.10
"""Resident memory after the second half, as a share of that after the first, may be no more than this."""
MEBI = 1 << 20
API = "/gradio_api"


@dataclass
class Tally:
    """What all visitors have seen: seconds by kind of request, and everything that was wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    busy: int = 0
    wrong: list[str] = field(default_factory=list)

    def report(self) -> None:
        print(f"{'request':<12}{'number':>8}{'p50 s':>9}{'p95 s':>9}")
        for kind, seconds in sorted(self.seconds.items()):
            p95 = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
            print(f"{kind:<12}{len(seconds):>8}{statistics.median(seconds):>9.2f}{p95:>9.2f}")
        print(f"told to come back later: {self.busy}; wrong: {len(self.wrong)}")
        for line in self.wrong[:10]:
            print(f"  {line}")


class Visitor:
    """Somebody with a browser of their own, and a picture that cannot be taken for another's."""

    def __init__(self, number: int, url: str, tally: Tally) -> None:
        self.number, self.tally = number, tally
        self.size = (200 + 8 * number, 320 - 8 * number)
        self.colour = ((53 * number) % 256, (97 * number + 40) % 256, (151 * number + 90) % 256)
        self.client = httpx.AsyncClient(base_url=url, timeout=PATIENCE)
        self.session = f"load{number:03d}{random.randrange(1 << 30):x}"
        self.turn = number
        self.given = ""

    def drawn(self) -> bytes:
        """A red ball on a ground, in one corner the patch, in the other a pixel that is never the same."""
        picture = Image.new("RGB", self.size, (120, 180, 120))
        draw = ImageDraw.Draw(picture)
        x, y = self.size[0] // 2, self.size[1] // 2
        draw.ellipse((x - 35, y - 35, x + 35, y + 35), fill=(220, 40, 40))
        draw.rectangle((0, 0, PATCH - 1, PATCH - 1), fill=self.colour)
        picture.putpixel((self.size[0] - 1, self.size[1] - 1), (self.turn % 256, self.turn // 256 % 256, 0))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        return buffer.getvalue()

    async def visit(self, until: float) -> None:
        """One request after the other, one at least; each visitor begins with another kind."""
        await self.client.get("/")
        kinds: list[Callable[[], Awaitable[None]]] = [
            self.plan,
            self.segment,
            self.embed,
            self.edit,
            self.everything,
        ]
        while True:
            self.turn += 1
            await self.timed(kinds[self.turn % len(kinds)])
            if time.monotonic() >= until:
                return

    async def timed(self, request: Callable[[], Awaitable[None]]) -> None:
        started = time.perf_counter()
        try:
            await request()
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                self.tally.busy += 1
                await asyncio.sleep(1)
            else:
                self.complain(request.__name__, f"{error.response.status_code}: {error.response.text[:120]}")
        except (httpx.HTTPError, AssertionError, KeyError, ValueError) as error:
            self.complain(request.__name__, f"{type(error).__name__}: {error}")
        else:
            self.tally.seconds[request.__name__].append(time.perf_counter() - started)

    def complain(self, what: str, why: str) -> None:
        self.tally.wrong.append(f"visitor {self.number}, {what}: {why}")

    async def plan(self) -> None:
        answer = await self.post("/api/plan", instruction=f"replace the ball with {self.number + 2} apples", plain=True)
        assert str(self.number + 2) in json.dumps(answer), f"another's plan: {answer}"

    async def segment(self) -> None:
        self.check(await self.post("/api/segment", words="ball."))

    async def everything(self) -> None:
        self.check(await self.post("/api/everything", points="4"))

    async def edit(self) -> None:
        self.check(await self.post("/api/edit", instruction="make the ball blue", seed=str(self.turn)))

    async def post(self, path: str, *, plain: bool = False, **fields: str) -> Any:
        files = None if plain else {"picture": (f"{self.number}.png", self.drawn(), "image/png")}
        return (await self.client.post(path, data=fields, files=files)).raise_for_status().json()

    def check(self, answer: dict[str, Any]) -> None:
        """Whether an answer is made of this visitor's picture."""
        self.check_picture(base64.b64decode(answer["picture"]))
        for thing in answer["things"]:
            assert tuple(thing["segmentation"]["size"]) == self.size[::-1], "a mask of another's picture"

    def check_picture(self, data: bytes) -> None:
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert pixels.shape[:2] == self.size[::-1], f"another's picture: {pixels.shape}"

    async def embed(self) -> None:
        """What the tab Click does with a picture: upload it, have it looked at, fetch what the browser needs."""
        upload = {"files": (f"{self.number}.png", self.drawn(), "image/png")}
        paths = (await self.client.post(f"{API}/upload", files=upload)).raise_for_status().json()
        opened = await self.opened({"path": paths[0], "meta": {"_type": "gradio.FileData"}})
        frame = opened["frame"]
        assert (frame["width"], frame["height"]) == self.size, f"another's frame: {frame}"
        file = opened["picture"]
        self.given = file.get("url") or f"{API}/file={file['path']}"
        picture = (await self.client.get(self.given)).raise_for_status().content
        self.check_picture(picture)
        patch = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))[: PATCH // 2, : PATCH // 2]
        assert (patch == self.colour).all(), "the patch is another's"

    async def opened(self, picture: dict[str, Any]) -> dict[str, Any]:
        """Ask as the page does: by way of its queue."""
        config = (await self.client.get("/config")).raise_for_status().json()
        number = picture_event(config)
        call = {"data": [picture], "fn_index": number, "session_hash": self.session}
        (await self.client.post(f"{API}/queue/join", json=call)).raise_for_status()
        where = f"{API}/queue/data?session_hash={self.session}"
        async with self.client.stream("GET", where) as stream:
            async for line in stream.aiter_lines():
                event = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if event.get("msg") == "process_completed":
                    said, opened, *_ = event["output"]["data"]
                    assert opened, f"not looked at: {said}"
                    return dict(opened)
        raise ValueError("the queue has ended without an answer")


def picture_event(config: dict[str, Any]) -> int:
    """The number of the event that the picture of the tab Click causes."""
    picture = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == "click-picture")
    return next(int(event["id"]) for event in config["dependencies"] if [picture, "change"] in event["targets"])


async def peep(visitors: list[Visitor], tally: Tally) -> None:
    """Ask for the files of others; each must be refused."""
    for one, other in zip(visitors, [*visitors[1:], visitors[0]], strict=True):
        if one is not other and other.given:
            answer = await one.client.get(other.given)
            if answer.status_code != httpx.codes.FORBIDDEN:
                tally.wrong.append(f"visitor {one.number} could fetch a file of visitor {other.number}")


def resident(pid: int) -> int:
    """The resident memory of a process, in bytes."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except FileNotFoundError:
        sys.exit(f"there is no process {pid}")
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


async def half(visitors: list[Visitor], seconds: float, pid: int) -> int:
    """Let everybody work for so long, and the queue drain; the server's memory afterwards."""
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for visitor in visitors:
            group.create_task(visitor.visit(until))
    await asyncio.sleep(REST_SECONDS)
    return resident(pid)


async def main() -> None:
    """Send the visitors, and say what came of it."""
    asked, tally = arguments(), Tally()
    start = resident(asked.pid)
    visitors = [Visitor(number, asked.url, tally) for number in range(asked.users)]
    first, second = [await half(visitors, 30 * asked.minutes, asked.pid) for _ in range(2)]
    await peep(visitors, tally)
    await asyncio.gather(*(visitor.client.aclose() for visitor in visitors))
    if second > first * LEFTOVER:
        tally.wrong.append("the memory has not come back")
    tally.report()
    memory = " → ".join(f"{size / MEBI:,.0f}" for size in (start, first, second))
    print(f"{asked.users} users, {asked.minutes:g} minutes; resident MiB at the start and after each half: {memory}")
    sys.exit(1 if tally.wrong else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("--pid", type=int, required=True, help="the server's process")
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=2.0)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
