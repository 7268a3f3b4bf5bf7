"""The pictures of codes: a QR code and a bar code that tills read, as PNG.

Mail programs show no SVG. Both pictures say the code behind `promotions.codes.BARCODE_PREFIX`. The PNG is written here:
segno's own writer takes more than twice as long for a picture, and python-barcode's needs Pillow.
"""

import struct
import zlib
from collections.abc import Iterable
from functools import lru_cache

import segno
from barcode.codex import Code128

from promotions.codes import BARCODE_PREFIX

QR_SCALE, QR_MARGIN = 6, 4  # pixels of a module, modules around the code
BAR_SCALE, BAR_MARGIN, BAR_HEIGHT = 2, 20, 100  # pixels of a module, modules on both sides, pixels
QR_MASK = 3  # any mask can be read; to find the one that looks best takes most of the time
REMEMBERED = 2000


@lru_cache(maxsize=REMEMBERED)
def draw_qr(code: str) -> bytes:
    """Return the QR code of a coupon's code as PNG."""
    drawn = segno.make_qr(f"{BARCODE_PREFIX}{code}", error="m", mask=QR_MASK, boost_error=False)
    blank = bytes([0] * (len(drawn.matrix) + 2 * QR_MARGIN))
    edge, side = [blank] * QR_MARGIN, bytes(QR_MARGIN)
    rows = [*edge, *(side + bytes(row) + side for row in drawn.matrix), *edge]
    return write_png(rows, QR_SCALE, QR_SCALE)


@lru_cache(maxsize=REMEMBERED)
def draw_barcode(code: str) -> bytes:
    """Return the bar code (Code 128) of a coupon's code as PNG."""
    (modules,) = Code128(f"{BARCODE_PREFIX}{code}").build()
    side = bytes(BAR_MARGIN)
    return write_png([side + bytes(map(int, modules)) + side], BAR_SCALE, BAR_HEIGHT)


def write_png(rows: Iterable[bytes], width: int, height: int) -> bytes:
    """Write a picture of two colours; a byte that is 1 is a black module of `width` × `height` pixels."""
    lines = []
    columns = 0
    for row in rows:
        columns = len(row) * width
        bits = "".join(("0" if module else "1") * width for module in row)
        bits += "0" * (-columns % 8)
        line = b"\0" + int(bits, 2).to_bytes(len(bits) // 8)  # filter 0: as it stands
        lines += [line] * height
    head = struct.pack("!IIBBBBB", columns, len(lines), 1, 0, 0, 0, 0)  # 1 bit a pixel, shades of grey
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(lines), 9)), (b"IEND", b""))
    )
