"""How the page is served."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.errors import UserError

MEGABYTE = 1_000_000
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the one who starts the page decides. Raises `UserError` for numbers that leave nothing to serve.

    `at_once` runs work at the same time and `waiting` more may wait for them; whoever comes then is told so.
    `run_minutes` is the longest that one run may take, once it is its turn; `keep_minutes` that a visitor's files lie
    unused.
    """

    preset: str = "bundled"
    offline: bool = False
    device: str | None = None
    host: str = "127.0.0.1"
    port: int = 7860
    max_upload_mb: int = 50
    max_pixels: int = 40_000_000
    at_once: int = 2
    waiting: int = 40
    run_minutes: float = 30
    keep_minutes: float = 60
    cache_mb: int = 512
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_upload_mb", "max_pixels", "at_once", "waiting", "cache_mb"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, which serves nobody. Give 1 or more.")
        for name in ("run_minutes", "keep_minutes"):
            if getattr(self, name) <= 0:
                raise UserError(f"{name} is {getattr(self, name):g}, which serves nobody. Give more than 0.")
        if not 0 <= self.port < 1 << 16:
            raise UserError(f"--port is {self.port}. Give a number from 1 to 65535, or 0 for any that is free.")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the page."""
        return self.host in LOOPBACK
