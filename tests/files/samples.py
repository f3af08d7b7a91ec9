"""Pictures and PDFs, good and bad, made here so that everybody can see what is in them."""

import io
import zlib

import pikepdf
from PIL import Image

PLACE = b"23.3541N 116.6819E"


def picture(form: str = "JPEG", size: tuple[int, int] = (60, 40), *, exif: bool = True, mode: str = "RGB") -> bytes:
    """A picture, by default with where it was taken in its EXIF data, lying on its side."""
    image = Image.new(mode, size, "white" if mode != "P" else 0)
    data = Image.Exif()
    data[0x0112] = 6
    data[0x010E] = PLACE.decode()
    written = io.BytesIO()
    image.save(written, form, **({"exif": data} if exif else {}))
    return written.getvalue()


def pdf(pages: int = 1, **root: object) -> bytes:
    with pikepdf.new() as made:
        for _ in range(pages):
            made.add_blank_page(page_size=(200, 200))
        for key, value in root.items():
            made.Root[f"/{key}"] = value
        written = io.BytesIO()
        made.save(written)
        return written.getvalue()


def encrypted() -> bytes:
    with pikepdf.open(io.BytesIO(pdf())) as made:
        written = io.BytesIO()
        made.save(written, encryption=pikepdf.Encryption(owner="a", user="b"))
        return written.getvalue()


def action(kind: str, **more: object) -> pikepdf.Dictionary:
    return pikepdf.Dictionary(S=pikepdf.Name(f"/{kind}"), **more)


def attached() -> bytes:
    with pikepdf.open(io.BytesIO(pdf())) as made:
        made.attachments["x.exe"] = b"MZ"
        written = io.BytesIO()
        made.save(written)
        return written.getvalue()


def swelling(megabytes: int = 300) -> bytes:
    """A page whose content inflates to so much."""
    with pikepdf.open(io.BytesIO(pdf())) as made:
        packer, packed = zlib.compressobj(9), bytearray()
        for _ in range(megabytes):
            packed += packer.compress(bytes(1024 * 1024))
        packed += packer.flush()
        stream = pikepdf.Stream(made, b"")
        stream.write(bytes(packed), filter=pikepdf.Name.FlateDecode)
        made.pages[0].Contents = stream
        written = io.BytesIO()
        made.save(written, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
        return written.getvalue()


def vast() -> bytes:
    """A PNG of a few KB that says it has 169 million pixels."""
    head = (13_000).to_bytes(4, "big") * 2 + bytes((1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(10**6))), (b"IEND", b""))
    )


GOOD: dict[str, tuple[bytes, str]] = {
    "a photo": (picture(), "image/jpeg"),
    "a grey photo": (picture(mode="L"), "image/jpeg"),
    "a scan": (picture("PNG", exif=False), "image/png"),
    "a scan with a palette": (picture("PNG", exif=False, mode="P"), "image/png"),
    "a PDF": (pdf(3), "application/pdf"),
    "a PDF that opens on a page": (pdf(OpenAction=action("GoTo")), "application/pdf"),
    "a photo with a zip behind it": (picture() + b"PK\x03\x04hidden-behind", "image/jpeg"),
}
BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "file_empty"),
    "a text": ("姓名".encode(), "file_type"),
    "a web page called png": (b"<html><script>alert(1)</script></html>", "file_type"),
    "an svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "file_type"),
    "a gif": (picture("GIF", exif=False), "file_type"),
    "a program": (b"MZ" + bytes(500), "file_type"),
    "half a photo": (picture(size=(600, 400))[:-900], "file_damaged"),
    "the head of a photo": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(200), "file_damaged"),
    "a vast picture": (vast(), "image_too_large"),
    "half a PDF": (b"%PDF-1.7\n1 0 obj\n", "file_damaged"),
    "a PDF with a password": (encrypted(), "pdf_encrypted"),
    "a PDF with a script": (pdf(OpenAction=action("JavaScript", JS=pikepdf.String("app.alert(1)"))), "pdf_active"),
    "a PDF that starts a program": (pdf(OpenAction=action("Launch", F=pikepdf.String("x.exe"))), "pdf_active"),
    "a PDF that sends itself": (pdf(OpenAction=action("SubmitForm")), "pdf_active"),
    "a PDF with an attachment": (attached(), "pdf_active"),
    "a PDF with an old form": (pdf(AcroForm=pikepdf.Dictionary(XFA=pikepdf.String("x"))), "pdf_active"),
    "a long PDF": (pdf(51), "pdf_too_long"),
    "a PDF that swells": (swelling(), "pdf_inflates"),
}  # fmt: skip
