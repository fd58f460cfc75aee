"""The form: every input that a visitor can give has a fitting component, and what it gives is checked at the door."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

gr = pytest.importorskip("gradio", reason="the page needs gradio")

from demos.web.bench.checked import Checker  # noqa: E402 - after the skip
from demos.web.bench.confined import Rules  # noqa: E402
from demos.web.bench.forms import Field, fields_of, values_of  # noqa: E402
from demos.web.settings import Settings  # noqa: E402
from demos.web.studio import Studio  # noqa: E402
from pipelines.errors import ImageError, UserError  # noqa: E402

RULES = Rules(("bundled",))
TEXT = """version: 1
inputs:
  photo:   {type: Image, doc: The picture.}
  words:   {type: Text, default: dog. cat.}
  score:   {type: float, default: 0.3, doc: "The least score, from 0 to 1."}
  count:   {type: int, default: 4}
  fast:    {type: bool, default: true}
  profile: {type: [code, sa1b], default: sa1b}
  weights: {type: "Model[sam]", default: bundled}
  target:  {type: Path, default: cut.png}
  list:    {type: "Path?", default: null}
  extra:   {type: "Image?", default: null}
nodes:
  all:   {use: sam/everything, image: "${photo}", profile: "${profile}", model: "${weights}"}
  boxes: {use: boxes/from_coco, image: "${photo}", path: x.json, annotations: "${list}", score_threshold: "${score}"}
  saved: {use: image/save, image: "${photo}", path: "${target}"}
outputs:
  masks: "${all}"
  file: "${saved}"
"""
DOG = Path(__file__).parents[3] / "demos" / "images" / "dog.png"


@pytest.fixture(scope="module")
def studio():
    made = Studio(Settings(offline=True))
    yield made
    made.close()


@pytest.fixture(scope="module")
def fields():
    return {field.name: field for field in fields_of(Checker(RULES).check(TEXT).graph)}


@pytest.fixture(scope="module")
def components(fields):
    return {name: field.component(RULES.presets) for name, field in fields.items()}


def given(fields, studio, folder, **raw):
    filled = {fields[name].key: value for name, value in raw.items()}
    return given_to([fields[name] for name in raw], filled, studio, folder)


def given_to(wanted, filled, studio, folder):
    return values_of(wanted, filled, studio, folder, RULES)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("photo", "Image"),
        ("words", "Textbox"),
        ("score", "Slider"),
        ("count", "Number"),
        ("fast", "Checkbox"),
        ("profile", "Dropdown"),
        ("weights", "Dropdown"),
        ("target", "Textbox"),
        ("list", "File"),
    ],
)
def test_every_type_has_its_component(components, name, kind):
    assert isinstance(components[name], getattr(gr, kind))


def test_whatever_is_asked_for_can_be_filled_in(components):
    read_only = [name for name, part in components.items() if not (part.interactive or isinstance(part, gr.Image))]
    assert read_only == []


def test_defaults_are_filled_in(components):
    assert components["words"].value == "dog. cat."
    assert components["profile"].value == "sa1b"
    assert components["count"].value == 4


def test_a_range_in_the_description_becomes_a_slider(components):
    assert (components["score"].minimum, components["score"].maximum) == (0, 1)


def test_values_have_the_types_of_their_inputs(fields, studio, tmp_path):
    values = given(fields, studio, tmp_path, words="cat.", score=0.5, count=3.0, fast=False, profile="code")
    assert values == {"words": "cat.", "score": 0.5, "count": 3, "fast": False, "profile": "code"}
    assert isinstance(values["count"], int)


@pytest.fixture
def uploaded(studio):
    return shutil.copy(DOG, studio.uploads / "dog.png")


def test_a_picture_is_read(fields, studio, tmp_path, uploaded):
    assert given(fields, studio, tmp_path, photo=str(uploaded))["photo"].size == (512, 384)


def test_what_is_left_empty_is_the_default(fields, studio, tmp_path):
    wanted = {"extra": None, "list": None, "count": 4}
    assert given(fields, studio, tmp_path, extra=None, list=None, count=None) == wanted


def test_a_missing_picture_is_named(fields, studio, tmp_path):
    with pytest.raises(UserError, match=r"'photo' is missing\. The picture\."):
        given(fields, studio, tmp_path, photo=None)


def test_a_file_that_is_no_picture_is_said_to_be_none(fields, studio, tmp_path):
    pdf = studio.uploads / "paper.pdf"
    pdf.write_bytes(b"%PDF-1.7\n" + b"x" * 100)
    with pytest.raises(ImageError, match=r"paper\.pdf is not a picture"):
        given(fields, studio, tmp_path, photo=str(pdf))


@pytest.mark.parametrize("raw", [str(DOG), "/etc/passwd", 0.5])
@pytest.mark.parametrize("name", ["photo", "list"])
def test_a_file_that_was_not_uploaded_is_refused(fields, studio, tmp_path, name, raw):
    with pytest.raises(UserError, match="The file is not here any more"):
        given(fields, studio, tmp_path, **{name: raw})


def test_a_file_that_was_uploaded_is_given_by_its_path(fields, studio, tmp_path, uploaded):
    assert given(fields, studio, tmp_path, list=str(uploaded)) == {"list": Path(uploaded).resolve()}


def test_a_value_that_does_not_fit_is_named(fields, studio, tmp_path):
    with pytest.raises(UserError, match="'count' needs a whole number"):
        given(fields, studio, tmp_path, count=1.5)


def test_a_name_for_a_file_is_led_into_the_folder_and_cannot_lead_out(fields, studio, tmp_path):
    assert given(fields, studio, tmp_path, target="a.png")["target"] == tmp_path.resolve() / "a.png"
    assert given(fields, studio, tmp_path, target="")["target"] == tmp_path.resolve() / "cut.png"
    with pytest.raises(UserError, match=r"'target': '/etc/x\.png' lies outside"):
        given(fields, studio, tmp_path, target="/etc/x.png")


def test_what_was_typed_into_the_form_of_an_earlier_text_is_no_file_of_the_server(fields, studio, tmp_path):
    written, photo = fields["target"], fields["photo"]
    read = replace(written, writes=False)
    found = given_to([read], {written.key: "/etc/passwd"}, studio, tmp_path)
    assert found == {"target": tmp_path.resolve() / "cut.png"}
    with pytest.raises(UserError, match="'photo' is missing"):
        given_to([photo], {photo.key.replace("Image as picture", "Text as text"): str(DOG)}, studio, tmp_path)


def test_a_model_that_the_server_does_not_offer_is_refused(fields, studio, tmp_path):
    assert given(fields, studio, tmp_path, weights="bundled")["weights"].ref == "bundled"
    with pytest.raises(UserError, match="'weights': 'someone/else' is no model of this server"):
        given(fields, studio, tmp_path, weights="someone/else")


def test_what_no_form_can_hold_is_said():
    text = """version: 1
inputs:
  photo: {type: Image}
  found: {type: Boxes}
nodes:
  cut: {use: sam/masks, image: "${photo}", boxes: "${found}"}
outputs:
  masks: "${cut}"
"""
    graph = Checker(RULES).check(text).graph
    with pytest.raises(UserError, match=r"No form can hold 'found' \(boxes\)"):
        fields_of(graph)


def test_a_reader_takes_an_upload_and_a_writer_a_name(fields):
    assert fields["list"].kind == "file"
    assert fields["target"].kind == "text"
    assert isinstance(fields["target"], Field)
