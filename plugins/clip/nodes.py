"""CLIP as nodes: vectors of texts and pictures, and masks ranked by a text."""

from __future__ import annotations

from pipelines.models import Model, lease
from pipelines.signature import Report, no_report, node
from pipelines.values import Boxes, Embedding, Image, Masks, Text
from plugins.clip.models import Clip
from plugins.clip.ranking import CONFIRMED, Wanted, confirmed, ranked, whole_things
from plugins.prompts import split_prompt


@node("clip/text", version=1)
def text(text: Text, *, model: Model[Clip] = Model()) -> Embedding:
    """The unit vector of what a phrase names, in the space that the pictures' vectors lie in.

    Args:
        text: One phrase, such as "red car"; it is put into the sentence that the model's makers recommend.
        model: A preset, a directory in transformers' format or a hub id.
    """
    with lease(Clip, model) as clip:
        return Embedding(clip.embed_phrases([text.strip().removesuffix(".")])[0])


@node("clip/image", version=1)
def image(image: Image, *, model: Model[Clip] = Model()) -> Embedding:
    """The unit vector of a picture's central square.

    Args:
        model: A preset, a directory in transformers' format or a hub id.
    """
    with lease(Clip, model) as clip:
        return Embedding(clip.embed_images([image.pixels])[0])


@node("clip/rank", version=1)
def rank(
    image: Image,
    masks: Masks,
    text: Text,
    *,
    model: Model[Clip] = Model(),
    threshold: float | None = None,
    top: int = 0,
    context: float | None = None,
    fade: float | None = None,
    report: Report = no_report,
) -> Masks:
    """Those of the masks that show what the text names, the likeliest first.

    Each mask is cut out as a square and compared with every phrase and with common words for everything else, so its
    confidence is the probability that it shows the phrase rather than something else. `class_name` is the phrase
    exactly as written. Nothing likely enough is no error. Raises `PortError` for masks of another picture.

    Args:
        masks: Detections with masks in the pixels of the image, such as those of everything mode.
        text: What to look for, each phrase ended by a dot.
        model: A preset, a directory in transformers' format or a hub id.
        threshold: The least probability to keep a mask; by default what the model's makers recommend.
        top: Keep at most so many of a phrase; 0 keeps all.
        context: How far the square reaches beyond the box, as a share of its longer side; likewise by default.
        fade: How far what is outside the mask fades to grey, from 0 to 1; likewise by default.
    """
    wanted = Wanted(phrases=split_prompt(text), threshold=threshold, top=top, context=context, fade=fade)
    return ranked(image, masks, wanted, model, report)


@node("clip/rank_boxes", version=1)
def rank_boxes(
    image: Image,
    boxes: Boxes,
    text: Text,
    *,
    model: Model[Clip] = Model(),
    threshold: float | None = None,
    top: int = 0,
    context: float | None = None,
    fade: float | None = None,
    report: Report = no_report,
) -> Boxes:
    """Those of the boxes that show what the text names, the likeliest first; as `clip/rank` does it with masks.

    Args:
        boxes: Detections in the pixels of the image.
        text: What to look for, each phrase ended by a dot.
        model: A preset, a directory in transformers' format or a hub id.
        threshold: The least probability to keep a box; by default what the model's makers recommend.
        top: Keep at most so many of a phrase; 0 keeps all.
        context: How far the square reaches beyond the box, as a share of its longer side; likewise by default.
        fade: How far what is outside the box fades to grey, from 0 to 1; likewise by default.
    """
    wanted = Wanted(phrases=split_prompt(text), threshold=threshold, top=top, context=context, fade=fade)
    return ranked(image, boxes, wanted, model, report)


@node("clip/things", version=1)
def things(
    image: Image,
    masks: Masks,
    text: Text,
    *,
    model: Model[Clip] = Model(),
    threshold: float | None = None,
    top: int = 0,
    context: float | None = None,
    fade: float | None = 0.5,
    report: Report = no_report,
) -> Masks:
    """Whole things that the text names, one mask for each, among masks of things and of their parts.

    As `clip/rank`, but of masks that overlap only that stays which also covers best where the picture shows the phrase:
    a dog's head looks more like a dog than the dog does. Nothing found is no error. Raises `PortError` for masks of
    another picture.

    Args:
        masks: Detections with masks in the pixels of the image, such as those of everything mode.
        text: What to look for, each phrase ended by a dot.
        model: A preset, a directory in transformers' format or a hub id.
        threshold: The least probability to keep a mask; by default what the model's makers recommend.
        top: Keep at most so many of a phrase; 0 keeps all.
        context: How far the square reaches beyond the box, as a share of its longer side; likewise by default.
        fade: How far what is outside the mask fades to grey, from 0 to 1.
    """
    wanted = Wanted(phrases=split_prompt(text), threshold=threshold, top=top, context=context, fade=fade)
    return whole_things(image, masks, wanted, model, report)


@node("clip/confirm", version=1)
def confirm(
    image: Image,
    boxes: Boxes,
    *,
    model: Model[Clip] = Model(),
    threshold: float = CONFIRMED,
    doubted: bool = False,
    report: Report = no_report,
) -> Boxes:
    """Those of the boxes that may show what their `class_name` says: a second opinion on a detector's guesses.

    Scores and names stay the detector's own.

    Args:
        boxes: Detections with names, in the pixels of the image.
        model: A preset, a directory in transformers' format or a hub id.
        threshold: The least probability, against common words, that a box shows its phrase.
        doubted: Judge only those that a detector found on a second look (column `second_look`); the others stay, and
            without any no model is asked.
    """
    return confirmed(image, boxes, threshold, model, report, doubted=doubted)
