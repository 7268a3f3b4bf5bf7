"""The library of pictures: what is taken in and what it is made into, who may, how its files are served and deleted."""

import contextlib
import io
import random
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageCms, ImageOps, ImageSequence, PngImagePlugin

from mailing import renderer, versions
from mailing.library import pictures
from mailing.models import CampaignVersion, EmailCampaign, Picture, SplitTest
from tests.factories import (
    BlockFactory,
    EmailCampaignFactory,
    MailTemplateFactory,
    PictureFactory,
    UserFactory,
    user_in,
)
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder_of_its_own(settings, tmp_path):
    settings.PICTURES = str(tmp_path / "pictures")


def write(picture: Image.Image, form: str = "PNG", **how) -> bytes:
    made = io.BytesIO()
    picture.save(made, form, **how)
    return made.getvalue()


def plain(width: int = 300, height: int = 200, colour="red", mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (width, height), colour)


def open_ready(ready: renderer.ReadyPicture) -> Image.Image:
    picture = Image.open(io.BytesIO(ready.data))
    picture.load()
    return picture


def upload(client, data: bytes, name: str = "teapot.png", **fields):
    return client.post(
        "/pictures/new/", {"file": SimpleUploadedFile(name, data), "alt": "A red teapot"} | fields
    )


# ── what a picture is made into ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("form", "mode", "extension"),
    [
        ("PNG", "RGB", "png"), ("PNG", "RGBA", "png"), ("PNG", "L", "png"), ("PNG", "1", "png"), ("PNG", "P", "png"),
        ("PNG", "I;16", "png"), ("JPEG", "RGB", "jpg"), ("JPEG", "L", "jpg"), ("JPEG", "CMYK", "jpg"),
        ("GIF", "P", "png"), ("WEBP", "RGB", "jpg"), ("WEBP", "RGBA", "png"),
    ],
)  # fmt: skip
def test_each_format_becomes_one_that_mail_programs_show(form, mode, extension):
    colour = {"RGBA": (255, 0, 0, 90), "CMYK": (0, 255, 255, 0), "RGB": "red"}.get(mode, 0)
    ready = renderer.prepare_picture(write(plain(mode=mode, colour=colour), form))
    assert (ready.extension, ready.width, ready.height, ready.is_animated) == (extension, 300, 200, False)
    assert open_ready(ready).size == (300, 200)


def test_a_wide_picture_is_made_as_wide_as_mails_need():
    ready = renderer.prepare_picture(write(plain(3000, 1500)))
    assert open_ready(ready).size == (ready.width, ready.height) == (1200, 600)


def test_metadata_goes_and_the_picture_stands_upright():
    photograph = plain(40, 20)
    photograph.putpixel((0, 0), (0, 0, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x010F] = "Maker of a camera"
    exif.get_ifd(0x8825)[1] = "N"  # where it was taken
    data = write(photograph, "JPEG", exif=exif, comment=b"a secret comment", quality=100)
    ready = renderer.prepare_picture(data)
    assert (ready.width, ready.height) == (20, 40)
    assert not open_ready(ready).getexif()
    assert b"Maker" in data
    assert b"Maker" not in ready.data
    assert b"secret" not in ready.data


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("width", [40, 1600])
@pytest.mark.parametrize("turned", range(1, 9))
def test_a_picture_of_each_format_stands_upright_and_keeps_its_shape(form, width, turned):
    exif = Image.Exif()
    exif[0x0112] = turned
    drawn = plain(width, width // 2)
    drawn.paste("blue", (0, 0, width // 4, width // 4))
    ready = renderer.prepare_picture(write(drawn, form, exif=exif))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(write(drawn, "PNG", exif=exif))))
    scale = min(1, 1200 / upright.width)
    assert (ready.width, ready.height) == (round(upright.width * scale), round(upright.height * scale))
    made = open_ready(ready).convert("RGB")
    for x, y in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)):
        place = (int(x * ready.width), int(y * ready.height))
        wanted = upright.getpixel((int(x * upright.width), int(y * upright.height)))
        assert made.getpixel(place) == pytest.approx(wanted, abs=30)


@pytest.mark.parametrize("profile", [b"\xff" * 2000, b"", b"\0" * 200])
@pytest.mark.parametrize(("form", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "jpg")])
def test_a_broken_profile_of_colours_is_left_out(form, extension, profile):
    ready = renderer.prepare_picture(write(plain(colour=(0, 0, 200)), form, icc_profile=profile))
    assert (ready.extension, open_ready(ready).info.get("icc_profile")) == (extension, None)
    red, _, blue = open_ready(ready).convert("RGB").getpixel((5, 5))
    assert red < 40 < 160 < blue


def test_texts_in_a_png_go():
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "a secret comment", zip=True)
    texts.add_text("Author", "Ada Secret")
    ready = renderer.prepare_picture(write(plain(), pnginfo=texts))
    assert b"ecret" not in ready.data
    assert set(open_ready(ready).info) <= {"transparency"}


def test_transparency_stays():
    drawing = plain(2000, 100, (0, 0, 0, 0), "RGBA")
    assert open_ready(renderer.prepare_picture(write(drawing))).getpixel((5, 5))[3] == 0
    few = plain(50, 50, 0, "P")
    few.putpalette([255, 0, 0, 0, 255, 0])
    assert (
        open_ready(renderer.prepare_picture(write(few, transparency=0))).convert("RGBA").getpixel((5, 5))[3]
        == 0
    )


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_what_moves_goes_on_moving(form):
    frames = [plain(1600, 40, colour) for colour in ("red", "green", "blue")]
    data = write(frames[0], form, save_all=True, append_images=frames[1:], duration=[50, 60, 70], loop=0)
    ready = renderer.prepare_picture(data)
    assert (ready.extension, ready.is_animated, ready.width) == ("gif", True, 1200)
    made = open_ready(ready)
    assert (made.n_frames, made.info["loop"]) == (3, 0)
    made.seek(1)
    red, green, blue = made.convert("RGB").getpixel((5, 5))
    assert green > 100 > red + blue


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_each_picture_of_an_animation_is_shown_for_its_time(form):
    frames = [plain(40, 40, colour) for colour in ("red", "green", "blue")]
    data = write(frames[0], form, save_all=True, append_images=frames[1:], duration=[50, 200, 1000], loop=0)
    assert list_durations(renderer.prepare_picture(data)) == [50, 200, 1000]


@pytest.mark.parametrize("form", ["WEBP", "PNG"])
def test_a_picture_is_shown_no_longer_than_an_animation_of_mails_can_say(form):
    times = [2_000_000, 50] if form == "WEBP" else [65_535_000, 50]
    data = write(plain(), form, save_all=True, append_images=[plain(colour="blue")], duration=times)
    assert list_durations(renderer.prepare_picture(data)) == [655_350, 50]


def list_durations(ready):
    return [frame.info["duration"] for frame in ImageSequence.Iterator(open_ready(ready))]


def test_a_picture_for_programs_without_animations_is_no_part_of_the_animation():
    frames = [plain(40, 40, colour) for colour in ("black", "red", "green", "blue")]
    data = write(
        frames[0], save_all=True, append_images=frames[1:], duration=[50, 200, 1000], default_image=True
    )
    ready = renderer.prepare_picture(data)
    assert list_durations(ready) == [50, 200, 1000]
    assert open_ready(ready).convert("RGB").getpixel((5, 5)) == pytest.approx((255, 0, 0), abs=10)


def chunk(name: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)


def test_a_grey_of_sixteen_bits_that_stands_for_nothing_is_transparent():
    row = b"\0" + b"".join((shade * 1000).to_bytes(2) for shade in range(60))
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", (60).to_bytes(4) + (4).to_bytes(4) + bytes([16, 0, 0, 0, 0]))
        + chunk(b"tRNS", (5000).to_bytes(2))
        + chunk(b"IDAT", zlib.compress(row * 4))
        + chunk(b"IEND", b"")
    )
    made = open_ready(renderer.prepare_picture(data)).convert("LA")
    assert [made.getpixel((x, 1)) for x in (4, 5, 6)] == [(15, 255), (19, 0), (23, 255)]


def swap_red_and_blue() -> bytes:
    """A profile in which red means blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_the_colours_are_those_of_the_profile(mode):
    data = write(plain(colour=(230, 20, 20)).convert(mode), icc_profile=swap_red_and_blue())
    red, _, blue = open_ready(renderer.prepare_picture(data)).convert("RGB").getpixel((5, 5))
    assert red < 80 < 180 < blue


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it is huge."""
    small = write(plain(1, 1, 0, "L"))
    head = b"IHDR" + width.to_bytes(4) + height.to_bytes(4) + small[24:29]
    return small[:12] + head + zlib.crc32(head).to_bytes(4) + small[33:]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "unknown"),
        (b"<html><script>alert(1)</script>", "unknown"),
        (b"%PDF-1.7", "unknown"),
        (b"BM" + bytes(200), "unknown"),
        (b"\x89PNG\r\n\x1a\n", "unknown"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "svg"),
        (b'\xef\xbb\xbf\n<?xml version="1.0"?><svg/>', "svg"),
        (bomb(60_000, 60_000), "pixels"),
        (bomb(2**31 - 1, 2**31 - 1), "pixels"),
        (bomb(5_000, 5_000), "broken"),  # it says more than it has
    ],
)
def test_what_is_no_picture_or_a_hostile_one_is_refused(data, reason):
    with pytest.raises(renderer.PictureRefused) as caught:
        renderer.prepare_picture(data)
    assert caught.value.reason == reason


def test_a_drawing_of_postscript_is_never_run():
    """Pillow would hand it to Ghostscript."""
    with pytest.raises(renderer.PictureRefused, match="unknown"):
        renderer.prepare_picture(
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n" + bytes(99)
        )


def test_damaged_pictures_of_each_format_are_refused_or_read_and_nothing_breaks():
    chance = random.Random(7)
    whole = [write(plain(60, 40), form) for form in ("PNG", "JPEG", "GIF", "WEBP")]
    for _ in range(60):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(1, 9)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with contextlib.suppress(renderer.PictureRefused):
            renderer.prepare_picture(bytes(data[: chance.randrange(len(data) // 2, len(data) + 1)]))


def test_too_many_frames_are_refused_before_they_are_read():
    frames = [plain(1000, 1000, (n, 0, 0)) for n in range(50)]
    with pytest.raises(renderer.PictureRefused, match="frames"):
        renderer.prepare_picture(write(frames[0], "GIF", save_all=True, append_images=frames[1:]))


# ── the pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_picture_is_uploaded_shown_named_anew_and_deleted(client, marketer):
    assert "No pictures yet" in page(client, "/pictures/")
    assert upload(client, write(plain())).headers["Location"] == "/pictures/"
    picture = Picture.objects.get()
    assert (picture.name, picture.alt, picture.width, picture.by) == ("teapot", "A red teapot", 300, marketer)
    assert picture.path in page(client, "/pictures/")
    assert picture.address in page(client, f"/pictures/{picture.pk}/edit/")
    client.post(f"/pictures/{picture.pk}/edit/", {"name": "Pot", "is_decoration": "on"})
    picture.refresh_from_db()
    assert (picture.name, picture.alt) == ("Pot", "")
    file = pictures.find_path(picture.file)
    assert file.exists()
    client.post(f"/pictures/{picture.pk}/delete/")
    assert not Picture.objects.exists()
    assert not file.exists()


def test_files_are_closed_to_other_users_of_the_machine(client, marketer):
    upload(client, write(plain()))
    file = pictures.find_path(Picture.objects.get().file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_the_same_picture_is_kept_once(client, marketer):
    for _ in range(2):
        answer = client.post(
            "/pictures/new/", {"file": SimpleUploadedFile("a.png", write(plain())), "alt": "x"}, follow=True
        )
    assert Picture.objects.count() == 1
    assert "was in the library already" in answer.content.decode()


@pytest.mark.parametrize(
    ("data", "fields", "sentence"),
    [
        (b"<svg/>", {}, "It is an SVG drawing"),
        (b"nothing", {}, "It is no picture that can be read"),
        (write(plain(10, 7000)), {}, "too tall"),
        (write(plain()), {"alt": ""}, "Write what the picture shows"),
        (b"\x89PNG" + bytes(pictures.MOST_BYTES), {}, "at most 10 are taken"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(client, marketer, data, fields, sentence):
    answer = upload(client, data, **fields)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Picture.objects.exists()


def test_a_picture_that_something_shows_is_not_deleted(client, marketer):
    picture = PictureFactory(name="Pot")
    EmailCampaignFactory(name="Spring", body=f'<img src="{picture.address}">')
    MailTemplateFactory(name="Letter", body=picture.address)
    BlockFactory(name="Head", body=picture.address)
    answer = client.post(f"/pictures/{picture.pk}/delete/")
    assert answer.status_code == 409
    assert "e-mail “Spring”, template “Letter”, block “Head”" in answer.content.decode()
    assert "Spring" in page(client, f"/pictures/{picture.pk}/edit/")
    assert Picture.objects.exists()


def test_another_content_of_a_split_test_counts_as_use(client, marketer):
    picture = PictureFactory()
    campaign = EmailCampaignFactory(name="Tested")
    SplitTest.objects.create(campaign=campaign, bodies=[f"![x]({picture.address})"])
    assert client.post(f"/pictures/{picture.pk}/delete/").status_code == 409


def test_an_earlier_version_of_a_mail_counts_as_use(client, marketer):
    upload(client, write(plain()))
    picture = Picture.objects.get()
    campaign = EmailCampaignFactory(name="Spring", body=f"<img src='/media/{picture.file}' alt=''>")
    versions.keep_version(campaign, by=marketer)
    EmailCampaign.objects.update(body="<p>Without it</p>")
    refused = client.post(f"/pictures/{picture.pk}/delete/")
    assert refused.status_code == 409
    assert "It is shown by: earlier version of the e-mail “Spring”." in refused.content.decode()
    CampaignVersion.objects.all().delete()
    assert client.post(f"/pictures/{picture.pk}/delete/").status_code == 302
    assert not Picture.objects.exists()


def test_analysts_look_and_strangers_do_not(client):
    picture = PictureFactory()
    client.force_login(user_in("Analysts"))
    assert client.get("/pictures/").status_code == 200
    for path in ("/pictures/new/", f"/pictures/{picture.pk}/edit/", f"/pictures/{picture.pk}/delete/"):
        assert client.post(path).status_code == 403
    client.force_login(UserFactory())
    assert {client.get(path).status_code for path in ("/pictures/", "/pictures/choose/")} == {403}
    client.logout()
    assert client.get("/pictures/").status_code == 302


def test_the_list_asks_a_fixed_number_of_queries(client, marketer, django_assert_max_num_queries):
    PictureFactory.create_batch(30)
    with django_assert_max_num_queries(9):
        assert "1 to 24 of 30" in page(client, "/pictures/")


def test_the_dialog_offers_each_picture_in_each_format_and_takes_new_ones(client, marketer):
    assert client.get("/pictures/choose/").headers["Location"] == "/pictures/"
    picture = PictureFactory(alt="A <red> [pot]", width=1200)
    htmx = {"HTTP_HX_REQUEST": "true"}
    shown = client.get("/pictures/choose/", **htmx).content.decode()
    assert f"![A \\&lt;red\\&gt; \\[pot\\]]({picture.address})" in shown
    assert "&lt;mj-image src=&quot;" in shown
    assert "width=&quot;600&quot;" in shown
    data = {"file": SimpleUploadedFile("a.png", write(plain())), "alt": "Fresh"}
    answer = client.post("/pictures/new/", data, **htmx)
    assert answer.headers["HX-Retarget"] == "#ask"
    assert "Fresh" in answer.content.decode()
    answer = client.post("/pictures/new/", {}, **htmx)
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (422, "#ask")


# ── the files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_anybody_gets_the_file_to_keep_and_no_browser_runs_it(client, marketer, settings):
    settings.PUBLIC_URL = "https://mail.shop.example"
    upload(client, write(plain()))
    picture = Picture.objects.get()
    assert picture.address == f"https://mail.shop.example/i/{picture.file}"
    client.logout()
    answer = client.get(picture.path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert "Set-Cookie" not in answer.headers
    assert answer.content == pictures.find_path(picture.file).read_bytes()


@pytest.mark.parametrize(
    "name", ["x.png", "..%2F..%2Fsecret_key", "0" * 40 + ".svg", "0" * 40 + ".png", "a" * 3000]
)
def test_no_other_file_is_served(client, name):
    answer = client.get(f"/i/{name}")
    assert answer.status_code == 404
