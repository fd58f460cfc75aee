"""Write the directory that samloom ships, in half precision: `python -m recipes.stable_diffusion.export`."""

from __future__ import annotations

import argparse
from pathlib import Path

from recipes.stable_diffusion.assemble import assemble
from recipes.stable_diffusion.tokenizer import write_tokenizer
from recipes.world.art import RECIPES

BUNDLED = RECIPES.parent / "plugins" / "bundled" / "stable_diffusion"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--vae", type=Path, default=RECIPES / "runs" / "vae")
    arguments.add_argument("--run", type=Path, default=RECIPES / "runs" / "unet")
    arguments.add_argument("--to", type=Path, default=BUNDLED)
    options = arguments.parse_args()
    whole = assemble(options.vae, options.run)
    # transformers loads weights in the file's precision and diffusers in single: a half text encoder would not fit.
    whole.vae.half()
    whole.unet.half()
    whole.save_pretrained(options.to, safe_serialization=True)
    write_tokenizer(options.to / "tokenizer")
    size = sum(path.stat().st_size for path in options.to.rglob("*.safetensors"))
    print(f"{options.to}: {size / 2**20:.1f} MiB of weights")


if __name__ == "__main__":
    main()
