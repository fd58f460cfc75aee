"""What goes out through the door: whole files or none, and nothing lost that need not be."""

import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil
from PIL import ImageCms

from pipelines.errors import OutputError
from pipelines.images import check_writable, decode, encode, read_image, write_image
from pipelines.values import Image

RNG = np.random.default_rng(8)
NOISE = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (40, 60), dtype=np.uint8)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def changed(image: Image) -> Image:
    return replace(image, pixels=255 - image.pixels)


def files_here() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp", ""])
def test_lossless_formats_give_back_every_pixel(suffix: str) -> None:
    image = Image(NOISE.copy())
    write_image(image, f"out{suffix}")
    assert np.array_equal(read_image(f"out{suffix}").pixels, NOISE)
    assert files_here() == [f"out{suffix}"]


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_transparency_and_the_colours_under_it_are_kept(file_format: str) -> None:
    image = decode(encode(Image(NOISE.copy(), ALPHA.copy()), file_format))
    assert np.array_equal(image.pixels, NOISE)
    assert np.array_equal(image.alpha, ALPHA)


@pytest.mark.parametrize("file_format", ["JPEG", "BMP"])
def test_where_there_is_no_transparency_the_picture_lies_on_white(file_format: str) -> None:
    image = Image(np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16), np.uint8))
    assert decode(encode(image, file_format)).pixels.min() >= 254


def test_jpeg_stays_close_and_keeps_full_colour_resolution() -> None:
    smooth = np.stack(np.broadcast_arrays(np.arange(64) * 4, np.arange(64)[:, None] * 4, 90), axis=-1).astype(np.uint8)
    data = encode(Image(smooth), "JPEG")
    assert np.abs(decode(data).pixels.astype(int) - smooth).max() < 8
    assert Pil.open(io.BytesIO(data)).layer[1][1:3] == (1, 1)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_profile_and_exif_survive_and_the_orientation_does_not(file_format: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Pil.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera"
    buffer = io.BytesIO()
    Pil.fromarray(NOISE).save(buffer, "JPEG", exif=exif, icc_profile=profile)
    out = Pil.open(io.BytesIO(encode(changed(decode(buffer.getvalue())), file_format)))
    assert out.size == (40, 60)
    assert out.info["icc_profile"] == profile
    assert dict(out.getexif()) == {0x010F: "A camera"}


def test_the_preview_of_the_old_picture_is_left_behind() -> None:
    exif = Pil.Exif()
    exif[0x010F] = "A camera"
    preview = io.BytesIO()
    Pil.fromarray(NOISE).save(preview, "JPEG")
    exif.get_ifd(0x8769)[0x927C] = b""
    exif._ifds[1] = {0x0103: 6, 0x0201: 100, 0x0202: len(preview.getvalue())}
    buffer = io.BytesIO()
    Pil.fromarray(NOISE).save(buffer, "JPEG", exif=exif.tobytes() + preview.getvalue())
    assert preview.getvalue() in buffer.getvalue()
    assert preview.getvalue() not in encode(changed(decode(buffer.getvalue())), "JPEG")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_an_unchanged_picture_is_copied_byte_for_byte(suffix: str) -> None:
    Pil.fromarray(NOISE).save(f"in{suffix}")
    image = read_image(f"in{suffix}")
    write_image(replace(image, pixels=image.pixels.copy()), f"out{suffix}")
    assert Path(f"out{suffix}").read_bytes() == Path(f"in{suffix}").read_bytes()


def test_an_unchanged_sixteen_bit_picture_stays_sixteen_bit() -> None:
    Pil.fromarray(RNG.integers(0, 65536, (9, 9)).astype(np.uint16)).save("in.png")
    write_image(read_image("in.png"), "out.png")
    with Pil.open("out.png") as out:
        assert out.mode == "I;16"


def test_a_changed_picture_is_not_taken_for_its_source() -> None:
    Pil.fromarray(NOISE).save("in.png")
    write_image(changed(read_image("in.png")), "out.png")
    assert np.array_equal(read_image("out.png").pixels, 255 - NOISE)


def test_a_source_that_changed_since_is_not_copied() -> None:
    Pil.fromarray(NOISE).save("in.png")
    image = read_image("in.png")
    Pil.fromarray(255 - NOISE).save("in.png")
    write_image(image, "out.png")
    assert np.array_equal(read_image("out.png").pixels, NOISE)


def test_a_picture_may_be_written_over_its_source() -> None:
    Pil.fromarray(NOISE).save("in.png")
    write_image(changed(read_image("in.png")), "in.png")
    assert np.array_equal(read_image("in.png").pixels, 255 - NOISE)


def test_folders_on_the_way_are_made() -> None:
    write_image(Image(NOISE.copy()), "new/folder/out.png")
    assert files_here() == ["new/folder/out.png"]


def test_a_link_stays_a_link() -> None:
    Path("store").mkdir()
    Path("out.png").symlink_to("store/real.png")
    write_image(Image(NOISE.copy()), "out.png")
    assert Path("out.png").is_symlink()
    assert files_here() == ["out.png", "store/real.png"]


def test_a_written_file_has_the_permissions_of_any_other() -> None:
    Path("other").touch()
    write_image(Image(NOISE.copy()), "out.png")
    assert Path("out.png").stat().st_mode == Path("other").stat().st_mode


REFUSED = {
    "out.gif": "cannot write out.gif: '.gif' is no supported picture type. "
    "Use .png, .jpg, .jpeg, .webp, .tif, .tiff, .bmp.",
    "folder": "cannot write folder: it is a folder. Give the name of a file in it.",
    "file/out.png": "cannot write file/out.png: {cwd}/file is a file, not a folder. Give another path.",
    "pipe.png": "cannot write pipe.png: it is not a regular file. Give another path.",
    "/proc/out.png": "cannot write /proc/out.png: No such file or directory. Give a path in a folder you may write to.",
}


@pytest.mark.parametrize("path", REFUSED)
@pytest.mark.parametrize("attempt", [check_writable, lambda path: write_image(Image(NOISE.copy()), path)])
def test_a_path_that_cannot_be_written_is_refused_early_and_leaves_nothing(path: str, attempt) -> None:
    Path("folder").mkdir()
    Path("file").touch()
    os.mkfifo("pipe.png")
    with pytest.raises(OutputError) as caught:
        attempt(path)
    assert str(caught.value) == REFUSED[path].format(cwd=Path.cwd())
    assert files_here() == ["file"]


def test_a_full_disk_leaves_the_old_file_and_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("out.png").write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError) as caught:
        write_image(Image(NOISE.copy()), "out.png")
    expected = "cannot write out.png: No space left on device. Give a path in a folder you may write to."
    assert str(caught.value) == expected
    assert Path("out.png").read_bytes() == b"old"
    assert files_here() == ["out.png"]


def test_checking_a_path_makes_nothing() -> None:
    check_writable("new/folder/out.png")
    assert files_here() == []
    assert not Path("new").exists()


@pytest.mark.parametrize(("suffix", "most"), [(".webp", 16_383), (".jpg", 65_500)])
@pytest.mark.parametrize("upright", [True, False])
def test_a_format_ends_at_so_many_pixels_a_side(suffix: str, most: int, upright: bool) -> None:
    fitting, beyond = (Image(np.zeros((n, 1, 3) if upright else (1, n, 3), np.uint8)) for n in (most, most + 1))
    check_writable(f"out{suffix}", fitting.size)
    write_image(fitting, f"out{suffix}")
    for attempt in (lambda: check_writable(f"new{suffix}", beyond.size), lambda: write_image(beyond, f"new{suffix}")):
        with pytest.raises(OutputError, match=rf"a side has at most {most:,} pixels there\. Use \.png\."):
            attempt()
    assert files_here() == [f"out{suffix}"]


def test_what_pillow_cannot_write_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pil.Image, "save", lambda *_, **__: (_ for _ in ()).throw(OSError("encoder error -2")))
    with pytest.raises(OutputError, match=r"cannot be written as PNG: encoder error -2\. Use \.tif\."):
        encode(Image(NOISE.copy()))
