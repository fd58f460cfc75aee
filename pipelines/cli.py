"""The `samloom` command: a thin door in front of the engine.

Every command ends with 0 when it did its work, 1 when a run failed and 2 when the user can put it right; a mistake is
one line on standard error, never a traceback. Heavy modules are imported inside the commands: `--help` is immediate.
"""

from __future__ import annotations

import inspect
import json
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from pipelines.command.batch import batch
from pipelines.command.execution import Settings, running
from pipelines.command.rerun import rerun
from pipelines.command.terminal import exit_code, say, show_table
from pipelines.errors import UserError

COMMANDS_GROUP = "samloom.commands"
HELP = frozenset({"-h", "--help"})
GROUP_HELP = {"evaluate": "Measure how good models are.", "train": "Train models, or fine-tune them."}

app = typer.Typer(
    name="samloom",
    help="Text in, masks and edited pictures out: Grounding DINO, Segment Anything and Stable Diffusion as one graph.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich would take longer than all the rest of `--help`
    context_settings={"help_option_names": ["-h", "--help"]},
)

ImagePath = Annotated[
    Path, typer.Argument(metavar="IMAGE", help="The picture (PNG, JPEG, WebP, TIFF, BMP or GIF).", show_default=False)
]
PipelineName = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A pipeline file, or a ready-made one's name.", show_default=False)
]


@app.command()
@running
def edit(
    image: ImagePath,
    instruction: Annotated[
        str, typer.Argument(metavar="INSTRUCTION", help='Such as "replace the dog with a cat".', show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT", help="The edited picture. Default: IMAGE-edited.png."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed paints the same picture.")] = 0,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write what was found, painted and used, as JSON.")
    ] = None,
    *,
    shadows: Annotated[bool, typer.Option("--shadows", help="What goes takes its shadow with it.")] = False,
    second_look: Annotated[
        bool,
        typer.Option(
            "--second-look/--no-second-look",
            help="Take the likeliest of what is named but not surely found.",
        ),
    ] = True,
    settings: Settings,
) -> None:
    """Change a picture as a sentence says."""
    from pipelines.command.ready_made import edit_picture

    chosen = {"instruction": instruction, "seed": seed, "shadows": shadows, "second_look": second_look}
    edit_picture(image, chosen, output=output, report=report, settings=settings)


@app.command()
@running
def segment(
    image: ImagePath,
    prompt: Annotated[
        str, typer.Argument(metavar="WORDS", help='What to find, such as "dog. cat."', show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for the results. Default: IMAGE-segmented."),
    ] = None,
    *,
    settings: Settings,
) -> None:
    """Find things by name and cut them out.

    Writes an overlay, a mask for each thing, and all of it as COCO JSON.
    """
    from pipelines.command.ready_made import segment_picture

    segment_picture(image, prompt, output=output, settings=settings)


@app.command()
@running
def everything(
    image: ImagePath,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for the results. Default: IMAGE-everything."),
    ] = None,
    profile: Annotated[
        str, typer.Option(help='"code": defaults of the official code; "sa1b": crops and filters that made SA-1B.')
    ] = "code",
    points: Annotated[int, typer.Option(help="Points along each side of the picture.")] = 32,
    *,
    fast: Annotated[bool, typer.Option("--fast", help="Filter masks before they are brought to full size.")] = False,
    settings: Settings,
) -> None:
    """Outline everything, whatever it is.

    Writes all masks in colour, and as COCO JSON.
    """
    from pipelines.command.ready_made import outline_everything

    chosen = {"profile": profile, "points": points, "fast": fast}
    outline_everything(image, chosen, output=output, settings=settings)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
@running
def run(
    context: typer.Context,
    pipeline: PipelineName,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for the outputs. Default: PIPELINE-out."),
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Write what `samloom rerun` needs, as JSON.")
    ] = None,
    *,
    settings: Settings,
) -> None:
    """Run a pipeline; its inputs are options.

    For example: samloom run edit --photo dog.png --instruction "remove the dog". `samloom run PIPELINE --help` lists
    the inputs of one.
    """
    from pipelines.command.single import explain_pipeline, run_pipeline

    if pipeline in HELP:
        say(context.get_help())
    elif not HELP.isdisjoint(context.args):
        explain_pipeline(pipeline)
    else:
        run_pipeline(pipeline, context.args, output=output, record=record, settings=settings)


app.command()(batch)
app.command()(rerun)


@app.command()
def check(pipeline: PipelineName) -> None:
    """Check a pipeline file, without loading a model.

    Every mistake is shown with its place and with what would work.
    """
    from pipelines.spec import load_pipeline

    graph = load_pipeline(pipeline)
    steps = "1 step" if len(graph.steps) == 1 else f"{len(graph.steps)} steps"
    say(f"{pipeline}: {steps}, no mistakes.")


@app.command()
def nodes(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A node, such as sam/masks, or a namespace.", show_default=False),
    ] = None,
) -> None:
    """List the nodes that a pipeline may use, or explain one."""
    from pipelines.command.listing import node_page, node_rows
    from pipelines.registry import Registry

    registry = Registry.default()
    if name is not None and "/" in name:
        say(node_page(registry.node(name)))
    else:
        show_table(("node", "takes", "gives", "what it does"), node_rows(registry, name))


@app.command()
def show(pipeline: PipelineName) -> None:
    """Print a pipeline as a mermaid diagram.

    GitHub and many editors draw it.
    """
    from pipelines.mermaid import mermaid
    from pipelines.spec import load_pipeline

    say(mermaid(load_pipeline(pipeline)))


@app.command()
def schema() -> None:
    """Print the JSON Schema of pipeline files.

    With it an editor completes and checks them.
    """
    from pipelines.registry import Registry
    from pipelines.schema import json_schema

    say(json.dumps(json_schema(Registry.default()), indent=2))


def add_plugin_commands() -> None:
    """Add the commands of installed plugins; the entry point "evaluate.bundled" is `samloom evaluate bundled`."""
    groups = {"": app}
    for point in sorted(entry_points(group=COMMANDS_GROUP), key=lambda point: point.name):
        group, _, name = point.name.rpartition(".")
        if group not in groups:
            groups[group] = typer.Typer(no_args_is_help=True)
            app.add_typer(groups[group], name=group, help=GROUP_HELP.get(group, ""))
        try:
            function = point.load()
            inspect.signature(function)  # what is no function would fail later, when no one knows whose it is
            groups[group].command(name)(function)
        except Exception as error:  # noqa: BLE001 - somebody else's code, which must not cost all other commands
            _add_broken(groups[group], name, point.value, error)


def _add_broken(group: typer.Typer, name: str, place: str, error: Exception) -> None:
    """A command that says, whatever its arguments, why it is not what it should be."""
    reason = (str(error) or type(error).__name__).partition("\n")[0]

    def broken() -> None:
        raise UserError(f"the command '{name}' ({place}) cannot be imported: {reason}. Reinstall what brought it.")

    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    group.command(name, help=f"Cannot be imported: {reason}.", context_settings=settings)(broken)


def main() -> None:
    """Entry point of the console script."""
    add_plugin_commands()
    sys.exit(exit_code(app, sys.argv[1:]))


if __name__ == "__main__":
    main()
