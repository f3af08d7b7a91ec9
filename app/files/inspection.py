"""Looking into an uploaded file, in the child process: what it is, whether it is harmless, and a clean copy of it.

A picture is decoded and written anew, so that nothing is left of its EXIF data (where the photo was taken) or of what
was hidden behind it. A PDF is written anew as well, and refused if it could do anything but be looked at.
"""

import io
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

MIB: Final = 1024 * 1024
MAX_BYTES: Final = 10 * MIB
MAX_COPY_BYTES: Final = 20 * MIB
MAX_PIXELS: Final = 40_000_000
MAX_PAGES: Final = 50
MAX_INFLATED_BYTES: Final = 200 * MIB
"""What all streams of a PDF may come to when a viewer inflates them."""
JPEG_QUALITY: Final = 88

MESSAGES: Final[Mapping[str, str]] = {
    "file_empty": "文件是空的，请重新选择。",
    "file_too_large": "文件超过 10 MB，请压缩或重新拍照。",
    "file_type": "只能上传 JPEG、PNG 图片或 PDF 文件。",
    "file_damaged": "文件打不开，可能已损坏，请重新拍照或重新导出。",
    "image_too_large": "图片的像素太多（超过 4,000 万），请重新拍照。",
    "pdf_encrypted": "PDF 加了密码，请取消密码后再上传。",
    "pdf_active": "PDF 中有脚本、附件或会自动运行的内容，不能上传；请重新打印成 PDF。",
    "pdf_too_long": "PDF 超过 50 页，请分开上传。",
    "pdf_inflates": "PDF 展开后太大，不能上传。",
}
"""Every code with which a file is refused, and what the person reads."""

_ACTIVE_KEYS: Final = frozenset({"/JS", "/AA", "/EF", "/EmbeddedFiles", "/XFA", "/RichMediaContent", "/AF"})
_ACTIVE_ACTIONS: Final = frozenset(
    "/JavaScript /Launch /SubmitForm /ImportData /GoToE /GoToR /Rendition /RichMediaExecute /Movie /Sound".split()
)
_ACTIVE_ANNOTATIONS: Final = frozenset({"/RichMedia", "/FileAttachment", "/Screen", "/Movie", "/3D", "/Sound"})


class _Refused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def inspect(content: bytes) -> Iterator[Any]:
    """The code of a refusal, a key of MESSAGES; or {"media_type"} and the clean copy."""
    try:
        media_type = kind_of(content)
        copy = _pdf(content) if media_type == "application/pdf" else _picture(content, media_type)
    except _Refused as refused:
        yield refused.code
        return
    if len(copy) > MAX_COPY_BYTES:
        yield "file_too_large"
        return
    yield {"media_type": media_type}
    yield copy


def kind_of(content: bytes) -> str:
    """JPEG, PNG or PDF by content; what a file is called means nothing."""
    import puremagic

    if not content:
        _refuse("file_empty")
    if len(content) > MAX_BYTES:
        _refuse("file_too_large")
    try:
        seen = {match.mime_type for match in puremagic.magic_string(content[: 64 * 1024])}
    except (puremagic.PureError, ValueError):
        _refuse("file_type")
    starts = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"%PDF-": "application/pdf"}
    media_type = next((found for start, found in starts.items() if content.startswith(start)), None)
    if media_type is None or media_type not in seen:
        _refuse("file_type")
    return media_type


def _picture(content: bytes, media_type: str) -> bytes:
    from PIL import Image, ImageFile, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # the size is asked here, before anything is decoded
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    form = "JPEG" if media_type == "image/jpeg" else "PNG"
    try:
        with Image.open(io.BytesIO(content), formats=[form]) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                _refuse("image_too_large")
            upright = ImageOps.exif_transpose(picture)
            plain = upright.convert(_mode(upright.mode, form))
    except (OSError, SyntaxError, ValueError, ZeroDivisionError, EOFError):
        _refuse("file_damaged")
    bare = Image.frombytes(plain.mode, plain.size, plain.tobytes()) if plain.info else plain
    written = io.BytesIO()
    bare.save(written, form, **({"quality": JPEG_QUALITY} if form == "JPEG" else {"compress_level": 6}))
    return written.getvalue()


def _mode(mode: str, form: str) -> str:
    if mode in ("1", "L") or mode.startswith("I"):
        return "L"
    return "RGBA" if form == "PNG" and mode in ("RGBA", "LA", "PA", "P") else "RGB"


def _pdf(content: bytes) -> bytes:
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            if pdf.is_encrypted:
                _refuse("pdf_encrypted")
            if len(pdf.pages) > MAX_PAGES:
                _refuse("pdf_too_long")
            _look_at_objects(pdf)
            written = io.BytesIO()
            pdf.save(written)
            return written.getvalue()
    except pikepdf.PasswordError:
        _refuse("pdf_encrypted")
    except (pikepdf.PdfError, ValueError, RuntimeError, TypeError, AttributeError, RecursionError):
        _refuse("file_damaged")


def _look_at_objects(pdf: Any) -> None:
    import pikepdf

    inflated = 0
    for each in [pdf.trailer, *pdf.objects]:
        waiting = [each]
        while waiting:
            found = waiting.pop()
            if isinstance(found, pikepdf.Array):
                waiting += [inside for inside in found if _direct(inside)]
            elif isinstance(found, pikepdf.Dictionary | pikepdf.Stream):
                _look_at_keys(found)
                waiting += [inside for key, inside in found.items() if key != "/Parent" and _direct(inside)]
        if isinstance(each, pikepdf.Stream):
            inflated += _inflated(each)
            if inflated > MAX_INFLATED_BYTES:
                _refuse("pdf_inflates")


def _direct(value: Any) -> bool:
    """Indirect ones are objects of their own, and looked at there."""
    import pikepdf

    return isinstance(value, pikepdf.Array | pikepdf.Dictionary) and not value.is_indirect


def _look_at_keys(found: Any) -> None:
    keys = set(found.keys())
    if keys & _ACTIVE_KEYS:
        _refuse("pdf_active")
    if str(found.get("/S", "")) in _ACTIVE_ACTIONS and not (keys & {"/K", "/P", "/Pg"}):
        _refuse("pdf_active")
    if str(found.get("/Subtype", "")) in _ACTIVE_ANNOTATIONS or str(found.get("/Type", "")) == "/EmbeddedFile":
        _refuse("pdf_active")


def _inflated(stream: Any) -> int:
    """How long a stream gets, counted piece by piece up to what is allowed."""
    raw = stream.read_raw_bytes()
    filters = stream.get("/Filter")
    first = (
        str(filters[0]) if filters is not None and not isinstance(filters, str) and _is_list(filters) else str(filters)
    )
    if first not in ("/FlateDecode", "/Fl"):
        return len(raw)
    inflating, length, waiting = zlib.decompressobj(), 0, raw
    try:
        while not inflating.eof and waiting:
            length += len(inflating.decompress(waiting, MIB))
            waiting = inflating.unconsumed_tail
            if length > MAX_INFLATED_BYTES:
                break
    except zlib.error:
        return length
    return length


def _is_list(value: Any) -> bool:
    import pikepdf

    return isinstance(value, pikepdf.Array)


def _refuse(code: str) -> NoReturn:
    raise _Refused(code)
