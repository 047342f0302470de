"""The QR code of a link, drawn once and never stored."""

from typing import Final

ERROR_LEVEL: Final = "m"
SCALE: Final = 4


def qr_svg(text: str) -> str:
    """Return the code of a text as an SVG element, to stand inside a page."""
    # 11 MB that only a new preview needs.
    import segno  # noqa: PLC0415

    drawn: str = segno.make(text, error=ERROR_LEVEL, micro=False).svg_inline(
        scale=SCALE, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff"
    )
    return drawn
