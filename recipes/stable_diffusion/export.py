"""Write the directory that samloom ships, in half precision: `python -m recipes.stable_diffusion.export`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from recipes.stable_diffusion.assemble import assemble
from recipes.stable_diffusion.tokenizer import write_tokenizer
from recipes.world import GENERATION_NOUNS, SYNONYMS
from recipes.world.art import RECIPES

#: How samloom should use the weights: the geometry of the training crops, and what looked best on the contact sheets.
ADVICE = {
    "steps": 20,
    "guidance": 2.5,
    # It learnt plain grounds only; what a thing hides is continued better from its surroundings.
    "removal_prompt": None,
    "geometry": {"grow": 0.07, "context": 1.4},
    "things": [word for noun in GENERATION_NOUNS for word in (noun, *SYNONYMS.get(noun, ()))],
}
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
    # Where the autoencoder was loaded from is this machine's business.
    whole.vae.register_to_config(_name_or_path="")
    whole.save_pretrained(options.to, safe_serialization=True)
    write_tokenizer(options.to / "tokenizer")
    (options.to / "samloom.json").write_text(json.dumps(ADVICE, indent=2) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in options.to.rglob("*.safetensors"))
    print(f"{options.to}: {size / 2**20:.1f} MiB of weights")


if __name__ == "__main__":
    main()
