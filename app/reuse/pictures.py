"""What pictures of papers look like, and whether two of them show one paper. Runs in the child process.

A print is 256 bits of a page that was straightened and cut to its ink: it survives another camera, light and edge.
Papers made by one form have nearly the same print, so a print accuses nobody. It names pages to lay upon one another:
corners that both show say how, and then every small field of print must match. Of one paper all of them do; of two
bills from one hospital the names, days and sums do not.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

SIDE: Final = 900
"""Pixels of the longer side at which pages are looked at."""
MOST_PAGES: Final = 3
LEAST_CORNERS: Final = 40
"""So many corners must lie upon one another before fields are compared at all."""
LEAST_FIELDS: Final = 40
OTHERWISE_PER_MILLE: Final = 4
"""Of the fields of one paper photographed twice none look otherwise, of two bills ten (docs/measurements.md)."""
_FIELD: Final = 24
_SLACK: Final = 4
_LIKE: Final = 0.7
_INKED: Final = 0.03


class Laid(NamedTuple):
    """Two pages upon one another: corners that agree, and fields of print that match or look otherwise."""

    corners: int
    alike: int
    otherwise: int

    @property
    def same(self) -> bool:
        """Whether both show one paper."""
        fields = self.alike + self.otherwise
        enough = self.corners >= LEAST_CORNERS and fields >= LEAST_FIELDS
        return enough and self.otherwise * 1000 <= fields * OTHERWISE_PER_MILLE


def prints(content: bytes, media_type: str) -> Iterator[dict[str, Any]]:
    """Of each of the first pages: its print turned each way (the first as it lies), and what can be scanned on it."""
    for page in _pages(content, media_type):
        upright = _straight(_ink(_small(page)))
        yield {"turns": [_bits(_turned(upright, quarter)) for quarter in range(4)], "codes": _codes(page)}


def lay_upon(one: bytes, one_type: str, *others: Any) -> Iterator[list[int]]:
    """The best that the pages of one file and of each other can be laid upon one another: the three numbers of `Laid`.

    `others`: of each its content and its media type, in turn.
    """
    mine = [_looked_at(page) for page in _pages(one, one_type)]
    for content, media_type in zip(others[::2], others[1::2], strict=True):
        laid = [_laid(a, b) for b in map(_looked_at, _pages(content, media_type)) for a in mine]
        best: Laid = max(laid, key=lambda each: (each.same, each.alike - each.otherwise), default=Laid(0, 0, 0))
        yield list(best)


def _library() -> Any:
    import cv2

    cv2.setNumThreads(1)
    return cv2


def _pages(content: bytes, media_type: str) -> Iterator[Any]:
    """Grey pages. A file that cannot be read has none: it was clean when it was kept, and is no matter of reviewers."""
    cv2 = _library()
    import numpy

    if media_type == "application/pdf":
        import pypdfium2

        with pypdfium2.PdfDocument(content) as pdf:
            for number in range(min(len(pdf), MOST_PAGES)):
                page = pdf[number]
                scale = 2 * SIDE / max(page.get_size())
                yield cv2.cvtColor(page.render(scale=scale).to_numpy(), cv2.COLOR_BGR2GRAY)
        return
    page = cv2.imdecode(numpy.frombuffer(content, numpy.uint8), cv2.IMREAD_GRAYSCALE)
    if page is not None:
        yield page


def _small(page: Any) -> Any:
    cv2 = _library()
    scale = SIDE / max(page.shape)
    return cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else page


def _ink(page: Any) -> Any:
    """How dark each point is beside the paper around it, from 0 to 1: shadows and light fall out."""
    cv2 = _library()
    import numpy

    paper = cv2.GaussianBlur(page, (0, 0), 25).astype(numpy.float32) + 1
    return numpy.clip((0.9 - numpy.clip(page / paper, 0, 1)) / 0.4, 0, 1).astype(numpy.float32)


def _straight(ink: Any) -> Any:
    """The page turned so that its lines lie level or upright, and cut to its ink."""
    cv2 = _library()
    import numpy

    height, width = ink.shape
    side = int(numpy.hypot(height, width)) + 2
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), _slant(ink), 1)
    turn[:, 2] += ((side - width) / 2, (side - height) / 2)
    level = cv2.warpAffine(ink, turn, (side, side))
    rows, columns = level.sum(1).cumsum(), level.sum(0).cumsum()
    top, bottom = numpy.searchsorted(rows, [rows[-1] * 0.004, rows[-1] * 0.996])
    left, right = numpy.searchsorted(columns, [columns[-1] * 0.004, columns[-1] * 0.996])
    return level[top : bottom + 1, left : right + 1]


def _slant(ink: Any) -> float:
    """By how many degrees lines of print lie askew: level, they make the sharpest steps from line to gap."""
    cv2 = _library()
    import numpy

    scale = 400 / max(ink.shape)
    small = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape

    def sharpness(angle: float) -> float:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
        turned = cv2.warpAffine(small, turn, (width, height))
        return max(float((numpy.diff(turned.sum(axis)) ** 2).sum()) for axis in (0, 1))

    rough = max(numpy.arange(-12, 12.1, 1.0), key=sharpness)
    return float(max(numpy.arange(rough - 1, rough + 1.01, 0.2), key=sharpness))


def _turned(page: Any, quarters: int) -> Any:
    import numpy

    return numpy.ascontiguousarray(numpy.rot90(page, quarters))


def _bits(page: Any) -> str:
    """256 bits: which of the slow waves of the page are stronger than the middle one (a perceptual hash)."""
    cv2 = _library()
    import numpy

    waves = cv2.dct(cv2.resize(page, (64, 64), interpolation=cv2.INTER_AREA))[:16, :16].flatten()
    waves[0] = 0
    return "".join("1" if wave else "0" for wave in waves > numpy.median(waves))


def _codes(page: Any) -> list[str]:
    """What QR codes and barcodes say: electronic bills carry their own number there."""
    import zxingcpp

    return sorted({found.text for found in zxingcpp.read_barcodes(page) if found.text})


class _Looked(NamedTuple):
    page: Any
    ink: Any
    corners: Sequence[Any]
    marks: Any


def _looked_at(page: Any) -> _Looked:
    cv2 = _library()
    small = _small(page)
    corners, marks = cv2.ORB_create(1500).detectAndCompute(small, None)
    return _Looked(small, cv2.GaussianBlur(_ink(small), (0, 0), 1.2), corners, marks)


def _laid(one: _Looked, other: _Looked) -> Laid:
    cv2 = _library()
    import numpy

    if one.marks is None or other.marks is None:
        return Laid(0, 0, 0)
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(one.marks, other.marks)
    if len(pairs) < LEAST_CORNERS:
        return Laid(len(pairs), 0, 0)
    here = numpy.array([one.corners[pair.queryIdx].pt for pair in pairs], numpy.float32)
    there = numpy.array([other.corners[pair.trainIdx].pt for pair in pairs], numpy.float32)
    turn, agreeing = cv2.estimateAffinePartial2D(there, here, method=cv2.RANSAC, ransacReprojThreshold=4)
    if turn is None or int(agreeing.sum()) < LEAST_CORNERS:
        return Laid(0, 0, 0)
    size = one.ink.shape[::-1]
    covered = cv2.warpAffine(numpy.ones_like(other.ink), turn, size) > 0
    return Laid(int(agreeing.sum()), *_fields(one.ink, cv2.warpAffine(other.ink, turn, size), covered))


def _fields(one: Any, other: Any, covered: Any) -> tuple[int, int]:
    """How many small fields of print match, each within a little slack, and how many do not."""
    cv2 = _library()
    alike = otherwise = 0
    height, width = one.shape
    for top in range(_SLACK, height - _FIELD - _SLACK, _FIELD):
        for left in range(_SLACK, width - _FIELD - _SLACK, _FIELD):
            around = (slice(top - _SLACK, top + _FIELD + _SLACK), slice(left - _SLACK, left + _FIELD + _SLACK))
            field = one[top : top + _FIELD, left : left + _FIELD]
            if not covered[around].all() or (field.mean() < _INKED and other[around].mean() < _INKED):
                continue
            if cv2.matchTemplate(other[around], field, cv2.TM_CCOEFF_NORMED).max() > _LIKE:
                alike += 1
            else:
                otherwise += 1
    return alike, otherwise
