"""QR codes for printed forms: a picture of lines (SVG), sharp at any size."""

import io

import segno


def qr_svg(link: str) -> str:
    """The QR code of a link as SVG; the same link always gives the same text. A quarter of it may be damaged."""
    drawn = io.BytesIO()
    segno.make(link, error="q", micro=False).save(drawn, kind="svg", border=0, xmldecl=False, nl=False)
    return drawn.getvalue().decode()
