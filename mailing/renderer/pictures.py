"""Makes pictures that people upload fit for mails: known formats, no metadata, upright, no wider than mails need.

Runs in the renderer, whose process has limits of time and memory. A picture may be made to break its reader: its size
is looked at before it is decoded, and only the readers of four formats are asked.
"""

import io
from collections.abc import Iterator
from itertools import islice

from PIL import Image, ImageCms, ImageMath, ImageOps, ImageSequence, UnidentifiedImageError

from .protocol import PictureRefused, ReadyPicture

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
WIDEST = 1200  # pixels: mails are 600 wide, and good screens show two for each
TALLEST = 6000
MOST_PIXELS = 40_000_000
MOST_PIXELS_OF_PHOTOGRAPHS = 80_000_000  # a JPEG is decoded no larger than it is needed
MOST_PIXELS_OF_ALL_FRAMES = 40_000_000
LONGEST_FRAME = 655_350  # milliseconds: more cannot be written in a GIF
MOST_BYTES_MADE = 5 * 1024 * 1024
FORMAT_OF_PHONES = "MPO"  # JPEG with further pictures behind the first
ORIENTATION = 0x0112  # of Exif
TURNED_SIDEWAYS = (5, 6, 7, 8)


def prepare_picture(data: bytes) -> ReadyPicture:
    """Return the picture as mails may show it.

    WebP becomes PNG, JPEG or GIF, since mail programs of several offices do not show it; what moves becomes GIF.

    Raises:
        PictureRefused: it is no picture of a known format, it is broken, or larger than it may be.
    """
    if _looks_like_svg(data):
        raise PictureRefused("svg")
    Image.MAX_IMAGE_PIXELS = None  # judged here, with an answer of our own
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            ready = _prepare_opened(picture)
    except (PictureRefused, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise PictureRefused("unknown") from error
    except (
        Exception
    ) as error:  # a damaged picture breaks its reader in any way, also by numbers that are too large
        raise PictureRefused("broken") from error
    if len(ready.data) > MOST_BYTES_MADE:
        raise PictureRefused("heavy")
    return ready


def _looks_like_svg(data: bytes) -> bool:
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<svg", b"<?xml", b"<!doctype svg", b"<!--"))


def _prepare_opened(picture: Image.Image) -> ReadyPicture:
    pixels = picture.width * picture.height
    is_photograph = picture.format in ("JPEG", FORMAT_OF_PHONES)
    if pixels > (MOST_PIXELS_OF_PHOTOGRAPHS if is_photograph else MOST_PIXELS):
        raise PictureRefused("pixels")
    frames = 1 if is_photograph else getattr(picture, "n_frames", 1)
    if frames > 1:
        if pixels * frames > MOST_PIXELS_OF_ALL_FRAMES:
            raise PictureRefused("frames")
        return _prepare_moving(picture)
    return _prepare_still(picture, is_photograph)


def _find_size(width: int, height: int) -> tuple[int, int]:
    if width > WIDEST:
        width, height = WIDEST, max(1, round(height * WIDEST / width))
    if height > TALLEST:
        raise PictureRefused("tall")
    return width, height


def _prepare_still(picture: Image.Image, is_photograph: bool) -> ReadyPicture:
    is_sideways = picture.getexif().get(ORIENTATION) in TURNED_SIDEWAYS
    size = _find_size(picture.height, picture.width) if is_sideways else _find_size(*picture.size)
    if is_photograph:  # decodes no more of it than is needed
        picture.draft(None, size[::-1] if is_sideways else size)
    picture.load()
    upright = _in_plain_colours(ImageOps.exif_transpose(picture))
    if upright.size != size:
        upright = _with_smooth_colours(upright).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    has_alpha = upright.mode in ("RGBA", "LA") or "transparency" in upright.info
    as_photograph = is_photograph or (picture.format == "WEBP" and not has_alpha)
    upright.info = {name: value for name, value in upright.info.items() if name == "transparency"}
    made = io.BytesIO()
    if as_photograph:
        upright.convert("L" if upright.mode == "L" else "RGB").save(
            made, "JPEG", quality=84, optimize=True, progressive=True
        )
    else:
        upright.save(made, "PNG", optimize=True)
    return ReadyPicture(made.getvalue(), "jpg" if as_photograph else "png", *size, is_animated=False)


def _in_plain_colours(picture: Image.Image) -> Image.Image:
    """Return the picture with eight bits a colour, in the colours that screens take a picture without a profile for."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return _with_eight_bits(picture.convert("I"), picture.info.get("transparency"))
    profile = picture.info.get("icc_profile")
    if profile and picture.mode == "P":
        picture = _with_smooth_colours(picture)
    if profile and picture.mode in ("RGB", "RGBA", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            to = "RGBA" if picture.mode == "RGBA" else "RGB"
            changed = ImageCms.profileToProfile(
                picture, source, ImageCms.createProfile("sRGB"), outputMode=to
            )
            return changed or picture
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken profile: the colours are taken as they stand
    if picture.mode in ("1", "L", "P", "LA", "RGB", "RGBA"):
        return picture
    return picture.convert("RGBA" if picture.mode in ("PA", "La", "RGBa") else "RGB")


def _with_eight_bits(grey: Image.Image, unseen: int | None) -> Image.Image:
    """Return a grey picture of 16 bits in 8; what is as grey as `unseen` is transparent."""
    shades = grey.point(lambda value: value * (1 / 256)).convert("L")
    if unseen is None:
        return shades
    seen = ImageMath.lambda_eval(lambda named: (named["grey"] != unseen) * 255, grey=grey).convert("L")
    return Image.merge("LA", (shades, seen))


def _with_smooth_colours(picture: Image.Image) -> Image.Image:
    """Return the picture in a mode whose colours can be mixed."""
    if picture.mode in ("RGBA", "LA") or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _prepare_moving(picture: Image.Image) -> ReadyPicture:
    size = _find_size(*picture.size)
    durations: list[int] = []

    def list_frames() -> Iterator[Image.Image]:
        # the first picture of an animated PNG may be for programs that show no animations
        first = 1 if picture.info.get("default_image") else 0
        for frame in islice(ImageSequence.Iterator(picture), first, None):
            if frame.width * frame.height > MOST_PIXELS_OF_ALL_FRAMES:
                raise PictureRefused("frames")
            whole = frame.convert("RGBA")  # before the time is read: of a WebP it is known by then only
            durations.append(min(int(frame.info.get("duration", 100)) or 100, LONGEST_FRAME))
            whole.info = {}
            yield whole if whole.size == size else whole.resize(size, Image.Resampling.LANCZOS)

    frames = [*list_frames()]
    loop = picture.info.get("loop")
    again = {} if loop is None else {"loop": int(loop)}
    made = io.BytesIO()
    frames[0].save(
        made, "GIF", save_all=True, append_images=frames[1:], duration=durations, disposal=2, **again
    )
    return ReadyPicture(made.getvalue(), "gif", *size, is_animated=True)
