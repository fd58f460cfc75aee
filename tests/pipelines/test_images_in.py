"""What comes in through the door: every kind of picture, and every kind of file that is none."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil
from PIL import ImageCms, ImageOps

from pipelines.errors import ImageError
from pipelines.images import decode, read_image

RNG = np.random.default_rng(7)
NOISE = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
SMOOTH = np.stack(np.broadcast_arrays(np.arange(60) * 4, np.arange(40)[:, None] * 6, 128), axis=-1).astype(np.uint8)


def saved(picture: Pil.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def header_bomb(width: int, height: int) -> bytes:
    """A PNG of a few dozen bytes that claims to be huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def message_of(path: str) -> str:
    with pytest.raises(ImageError) as caught:
        read_image(path)
    return str(caught.value)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_missing_file_is_named_with_the_one_that_may_be_meant() -> None:
    Path("dog.png").write_bytes(saved(Pil.fromarray(NOISE), "PNG"))
    assert message_of("dgo.png") == "dgo.png does not exist. Did you mean dog.png?"
    assert message_of("zebra.tif") == "zebra.tif does not exist. Check the path."
    assert message_of("photos/dog.png") == "photos/dog.png does not exist. There is no folder photos either."


def test_a_link_to_nothing_says_where_it_leads() -> None:
    Path("link.png").symlink_to("gone.png")
    assert message_of("link.png") == "link.png does not exist. It is a link to gone.png."


def test_a_folder_is_no_picture() -> None:
    Path("photos").mkdir()
    assert message_of("photos") == "photos is a folder, not a picture. Give one picture file in it."


def test_a_pipe_is_no_picture_and_does_not_block() -> None:
    os.mkfifo("pipe.png")
    assert message_of("pipe.png") == "pipe.png is not a regular file. Give a picture file."


def test_a_text_file_is_told_what_can_be_read() -> None:
    Path("notes.png").write_text("replace the dog with a cat")
    expected = "notes.png is not a picture that can be read. Give a PNG, JPEG, WebP, TIFF, GIF, BMP or PPM file."
    assert message_of("notes.png") == expected


def test_an_empty_file_says_so() -> None:
    Path("dog.png").touch()
    assert message_of("dog.png") == "dog.png is empty (0 bytes). Get a whole copy of the picture."


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("part", [0.005, 0.5, 0.95])
def test_half_a_file_is_damaged_wherever_it_ends(file_format: str, part: float) -> None:
    data = saved(Pil.fromarray(NOISE), file_format)
    Path("half").write_bytes(data[: max(8, int(len(data) * part))])
    assert message_of("half") == "half is damaged or cut short. Get a whole copy of the picture."


def test_a_flipped_bit_in_a_png_is_found() -> None:
    data = bytearray(saved(Pil.fromarray(NOISE), "PNG"))
    data[len(data) // 2] ^= 0xFF
    Path("dog.png").write_bytes(data)
    assert message_of("dog.png") == "dog.png is damaged or cut short. Get a whole copy of the picture."


def test_a_header_bomb_is_refused_by_its_header() -> None:
    Path("bomb.png").write_bytes(header_bomb(20_000, 20_000))
    assert message_of("bomb.png") == (
        "bomb.png is 20,000 by 20,000: 400,000,000 pixels, more than the limit of 100,000,000. "
        "Scale it down, or set SAMLOOM_MAX_PIXELS higher."
    )


def test_the_limit_can_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(Pil.fromarray(NOISE), "PNG")
    assert decode(data, max_pixels=60 * 40).size == (60, 40)
    with pytest.raises(ImageError, match="more than the limit of 2,399"):
        decode(data, max_pixels=60 * 40 - 1)
    monkeypatch.setenv("SAMLOOM_MAX_PIXELS", "100")
    with pytest.raises(ImageError, match="more than the limit of 100"):
        decode(data)
    monkeypatch.setenv("SAMLOOM_MAX_PIXELS", "many")
    with pytest.raises(ImageError, match="SAMLOOM_MAX_PIXELS is 'many', but must be a whole number such as 100000000"):
        decode(data)


def test_the_limit_leaves_pillow_as_it_was() -> None:
    before = Pil.MAX_IMAGE_PIXELS
    decode(saved(Pil.fromarray(NOISE), "PNG"))
    assert before == Pil.MAX_IMAGE_PIXELS


def test_one_pixel_is_a_picture() -> None:
    image = decode(saved(Pil.new("RGB", (1, 1), (1, 2, 3)), "PNG"))
    assert image.pixels.tolist() == [[[1, 2, 3]]]


def test_sixteen_bits_are_scaled_to_eight() -> None:
    samples = np.array([[0, 128, 257, 32768, 65535]], np.uint16)
    for file_format in ("PNG", "TIFF"):
        image = decode(saved(Pil.fromarray(samples), file_format))
        assert image.pixels[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_a_sixteen_bit_ppm_is_scaled_to_eight() -> None:
    assert decode(b"P5 2 1 65535\n\xff\xff\x80\x00").pixels[0, :, 0].tolist() == [255, 128]


def test_samples_without_a_white_are_refused() -> None:
    data = saved(Pil.fromarray(np.full((4, 4), 0.5, np.float32)), "TIFF")
    with pytest.raises(ImageError) as caught:
        decode(data, name="depth.tif")
    expected = "depth.tif has 32-bit samples, which have no fixed white. Convert it to 8 or 16 bits first."
    assert str(caught.value) == expected


def test_cmyk_becomes_the_colours_it_shows() -> None:
    image = decode(saved(Pil.fromarray(SMOOTH).convert("CMYK"), "JPEG", quality=100))
    assert np.abs(image.pixels.astype(int) - SMOOTH).mean() < 3


def test_a_palette_becomes_its_colours() -> None:
    paletted = Pil.fromarray(NOISE).convert("P")
    image = decode(saved(paletted, "PNG"))
    assert image.alpha is None
    assert np.array_equal(image.pixels, np.asarray(paletted.convert("RGB")))


def test_a_transparent_palette_entry_becomes_alpha() -> None:
    paletted = Pil.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "L").convert("P")
    index = paletted.getpixel((0, 0))
    image = decode(saved(paletted, "PNG", transparency=index))
    assert image.alpha is not None
    assert image.alpha.tolist() == [[0, 255], [255, 0]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_kept_apart(mode: str) -> None:
    alpha = RNG.integers(0, 256, (40, 60), dtype=np.uint8)
    picture = Pil.fromarray(NOISE).convert(mode)
    picture.putalpha(Pil.fromarray(alpha))
    image = decode(saved(picture, "PNG"))
    assert np.array_equal(image.alpha, alpha)
    assert np.array_equal(image.pixels, np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_has_three_equal_channels(mode: str) -> None:
    grey = Pil.fromarray(NOISE).convert(mode)
    image = decode(saved(grey, "PNG"))
    assert np.array_equal(image.pixels, np.repeat(np.asarray(grey.convert("L"))[..., None], 3, axis=2))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_a_rotated_picture_is_turned_upright(orientation: int, file_format: str) -> None:
    exif = Pil.Exif()
    exif[0x0112] = orientation
    data = saved(Pil.fromarray(NOISE), file_format, exif=exif)
    upright = ImageOps.exif_transpose(Pil.open(io.BytesIO(data)))
    assert np.array_equal(decode(data).pixels, np.asarray(upright))


def test_the_orientation_is_applied_once_and_the_rest_of_exif_stays() -> None:
    exif = Pil.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera"
    image = decode(saved(Pil.fromarray(NOISE), "JPEG", exif=exif))
    kept = Pil.Exif()
    kept.load(image.exif)
    assert image.size == (40, 60)
    assert dict(kept) == {0x010F: "A camera"}


def test_broken_exif_costs_no_picture() -> None:
    image = decode(saved(Pil.fromarray(NOISE), "PNG", exif=b"Exif\0\0MM\0*\0\0\xff\xff"))
    assert np.array_equal(image.pixels, NOISE)


def test_of_an_animation_the_first_frame_is_taken_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    frames = [Pil.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    Path("dance.gif").write_bytes(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    image = read_image("dance.gif")
    assert image.pixels[0, 0].tolist() == [255, 0, 0]
    assert caplog.messages == ["dance.gif holds several frames: the first one is used"]


def test_a_colour_profile_is_kept_where_it_fits_and_applied_where_it_does_not() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert decode(saved(Pil.fromarray(NOISE), "PNG", icc_profile=profile)).icc_profile == profile
    print_profile = profile[:16] + b"CMYK" + profile[20:]
    cmyk = decode(saved(Pil.fromarray(SMOOTH).convert("CMYK"), "JPEG", quality=100, icc_profile=print_profile))
    assert cmyk.icc_profile is None


def test_the_picture_names_its_source_and_cannot_be_written_to() -> None:
    Path("dog.png").write_bytes(saved(Pil.fromarray(NOISE), "PNG"))
    image = read_image(Path("dog.png"))
    assert image.source == "dog.png"
    with pytest.raises(ValueError, match="read-only"):
        image.pixels[0, 0] = 0
