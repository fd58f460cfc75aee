"""Every test runs with the shapes in `sam_model`'s signatures enforced."""

from jaxtyping import install_import_hook

install_import_hook("sam_model", "beartype.beartype")
