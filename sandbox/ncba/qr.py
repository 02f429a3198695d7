"""The picture of a dynamic QR code, as PNG in Base64."""

from __future__ import annotations

import base64
import struct
import zlib
from urllib.parse import urlencode

from qrcode.main import QRCode

PORTAL = "https://c2bportal.ncbagroup.com/pay"  # a page, not a native M-Pesa scan
SCALE, BORDER = 6, 4


def picture(till: str, amount: str) -> str:
    """The data URL of a code that leads to the bank's page for this till."""
    code = QRCode(border=BORDER)
    code.add_data(f"{PORTAL}?{urlencode({'till': till, 'amount': amount})}")
    code.make(fit=True)
    png = _png([[bool(dot) for dot in row] for row in code.get_matrix()])
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _png(dots: list[list[bool]]) -> bytes:
    """One byte a pixel, grey; each row starts with filter 0."""
    rows = [b"\0" + b"".join((b"\0" if dot else b"\xff") * SCALE for dot in row) for row in dots]
    side = len(dots) * SCALE
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(row * SCALE for row in rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
