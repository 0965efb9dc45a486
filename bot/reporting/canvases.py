"""Drawing with Pillow: text that is kept in its place, bars, hatches, marks.

The library is loaded when the first picture is drawn.  Its own font knows plain Latin letters
only: others are drawn without their accents, or with a font of the machine where there is one.
"""

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from bot.wording.texts import cut, one_line

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

INK, FAINT, GRID, PAPER = "#1f2937", "#6b7280", "#e5e7eb", "#ffffff"
OWN = frozenset(" …“”’·" + "".join(map(chr, range(33, 127))))
INSTEAD = {"–": "-", "—": "-", "×": "x", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
INSTEAD |= {"‘": "’", "æ": "ae", "Æ": "AE", "đ": "d", "Đ": "D", "≤": "<=", "≥": ">="}
FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial.ttf")


class Shape(StrEnum):
    """A mark at a point of time."""

    UP = "up"
    CROSS = "cross"
    DIAMOND = "diamond"
    CIRCLE = "circle"


@dataclass(frozen=True, slots=True)
class Box:
    """Where something was drawn, and the text that stands there."""

    left: float
    top: float
    right: float
    bottom: float
    text: str = ""

    def meets(self, other: "Box") -> bool:
        """Say whether two of them cover each other, be it by a pixel."""
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)


def drawable(text: str) -> str:
    """Return a text in the letters that the font of the library has; others become `?`."""
    changed = "".join(INSTEAD.get(c, c) for c in one_line(text))
    bare = unicodedata.normalize("NFKD", changed)
    kept = (c for c in bare if not unicodedata.combining(c))
    return "".join(c if c in OWN else "?" for c in kept)


@cache
def _font(size: int, *, foreign: bool) -> "FreeTypeFont | ImageFont":
    from PIL import ImageFont

    for name in FONTS if foreign else ():
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


class Canvas:
    """A picture that is being drawn.  `texts` says where words stand, so that none meet."""

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self.width, self.height = width, height
        self.texts: list[Box] = []
        self._image = Image.new("RGB", (width, height), PAPER)
        self._draw: Any = ImageDraw.Draw(self._image)

    def png(self) -> bytes:
        """Return the picture as a file."""
        out = io.BytesIO()
        self._image.save(out, format="PNG", optimize=True)
        return out.getvalue()

    def write(
        self,
        at: tuple[float, float],
        text: str,
        size: int,
        colour: str = INK,
        *,
        halo: bool = False,
    ) -> None:
        """Write a line of text; `at` is its left upper corner.  A halo keeps lines off it."""
        told, font = _told(text, size)
        around = {"stroke_width": 3, "stroke_fill": PAPER} if halo else {}
        self._draw.text(at, told, font=font, fill=colour, **around)
        width = font.getlength(told)
        self.texts.append(Box(at[0], at[1], at[0] + width, at[1] + size * 1.2, told))

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
        """Draw a thin line."""
        self._draw.line([start, end], fill=colour, width=1)

    def dashed(self, x: float, span: tuple[float, float], colour: str, dash: int) -> None:
        """Draw an upright line, dashed; `dash` is how long its parts are."""
        top, bottom = span
        while top < bottom:
            ends = [(x, top), (x, min(top + dash, bottom))]
            self._draw.line(ends, fill=colour, width=2)
            top += dash * 1.6

    def bar(self, box: Box, colour: str) -> None:
        """Draw a filled bar."""
        self._draw.rectangle([box.left, box.top, box.right, box.bottom], fill=colour)

    def hatched(self, box: Box, colour: str = FAINT) -> None:
        """Draw a bar that is hatched: time in which nothing was done."""
        width, height = max(2, round(box.right - box.left)), round(box.bottom - box.top)
        from PIL import Image, ImageDraw

        tile = Image.new("RGB", (width, height), "#f3f4f6")
        pen = ImageDraw.Draw(tile)
        for x in range(-height, width, 6):
            pen.line([(x, height), (x + height, 0)], fill=colour, width=1)
        pen.rectangle([0, 0, width - 1, height - 1], outline=colour)
        self._image.paste(tile, (round(box.left), round(box.top)))

    def mark(self, shape: Shape, at: tuple[float, float], colour: str, radius: float = 6) -> None:
        """Draw a mark around a point."""
        x, y = at
        match shape:
            case Shape.UP:
                corners = [(x, y - radius), (x + radius, y + radius), (x - radius, y + radius)]
                self._draw.polygon(corners, fill=colour)
            case Shape.DIAMOND:
                corners = [(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)]
                self._draw.polygon(corners, fill=colour)
            case Shape.CIRCLE:
                self._draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)
            case Shape.CROSS:
                for rise in (radius, -radius):
                    ends = [(x - radius, y - rise), (x + radius, y + rise)]
                    self._draw.line(ends, fill=colour, width=3)


def length(text: str, size: int) -> float:
    """Return how wide a text will be."""
    told, font = _told(text, size)
    return float(font.getlength(told))


def shortened(text: str, size: int, room: float) -> str:
    """Cut a text so that it fits into so many pixels."""
    if length(text, size) <= room:
        return text
    short = len(text)
    while short > 1 and length(cut(text, short), size) > room:
        short -= 1
    return cut(text, short)


def wrapped(text: str, size: int, room: float, most: int) -> Sequence[str]:
    """Break a text into at most so many lines of so many pixels."""
    lines: list[str] = []
    words = one_line(text).split(" ")
    while words and len(lines) < most - 1:
        taken = 1
        while taken < len(words) and length(" ".join(words[: taken + 1]), size) <= room:
            taken += 1
        lines.append(shortened(" ".join(words[:taken]), size, room))
        words = words[taken:]
    return [*lines, shortened(" ".join(words), size, room)] if words else lines


def _told(text: str, size: int) -> tuple[str, "FreeTypeFont | ImageFont"]:
    plain = drawable(text)
    font = _font(size, foreign=False)
    if "?" in plain and plain.count("?") > text.count("?"):
        foreign = _font(size, foreign=True)
        if foreign is not font:
            return one_line(text), foreign
    return plain, font
