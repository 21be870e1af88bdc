"""Finds the encoding of a text file: by its byte order mark, else by its bytes."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from . import western

# UTF-32 comes first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f\ufffd]")
_BLOCK = 1 << 20
# How the remark begins on a file whose encoding is a guess; see doubts.
UNSURE = "was read as Windows-1252, but may have another encoding"
_NAMES = {"cp1252": "Windows-1252", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}


@dataclass(frozen=True)
class Encoding:
    """``is_sound`` is False if some bytes are invalid in it; they are read as U+FFFD.
    ``is_chosen``: a person named it. ``is_sure`` is False if another one may well be meant.
    ``words``: some with bytes beyond ASCII, of a file that is not UTF-8."""

    name: str
    is_sound: bool = True
    is_chosen: bool = False
    is_sure: bool = True
    words: tuple[bytes, ...] = ()

    @property
    def errors(self) -> str:
        return "strict" if self.is_sound else "replace"

    @property
    def is_utf8(self) -> bool:
        return self.is_sound and self.name in ("utf-8", "utf-8-sig")

    @property
    def remark(self) -> str:
        """Return the report's remark on the encoding; empty for UTF-8."""
        if self.is_utf8 or (self.is_chosen and self.is_sound):
            return ""
        if self.is_chosen:
            return f"has bytes that are not {self.name}; they were read as �"
        if self.name.startswith("utf-8"):
            return (
                "is UTF-8 with some invalid bytes; they were read as �, and their rows are listed"
            )
        if not self.is_sure:
            shown = ", ".join(word.decode(self.name, "replace") for word in self.words)
            return f"{UNSURE}: “{shown}”"
        name = _NAMES.get(self.name, self.name.upper())
        why = ", as it is not UTF-8; check whether accents are right" if "cp" in self.name else ""
        return f"was read as {name}{why}"


def encoding_of(path: Path, chosen: str = "") -> Encoding:
    """Return the file's encoding; ``chosen`` is the name of the one that a person named."""
    with path.open("rb") as file:
        start = file.read(4096)
    if chosen:
        name = _with_byte_order(start, chosen)
        words = () if name.startswith("utf") else tuple(western.words(path))
        return Encoding(name, _is_sound(path, name), is_chosen=True, words=words)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return Encoding(name, _is_sound(path, name))
    if unmarked := _utf16_without_mark(start):
        return Encoding(unmarked, _is_sound(path, unmarked))
    if _is_sound(path, "utf-8"):
        return Encoding("utf-8")
    good, bad = _counts(path)
    # Windows-1252 text hardly ever looks like UTF-8 by accident, so a file that is mostly valid
    # UTF-8 is UTF-8 with some damaged bytes.
    if good >= bad:
        return Encoding("utf-8", is_sound=False)
    is_sound = _is_sound(path, "cp1252")
    is_sure = is_sound and western.is_western(path)
    return Encoding("cp1252", is_sound, is_sure=is_sure, words=tuple(western.words(path)))


def _with_byte_order(start: bytes, chosen: str) -> str:
    """Return the encoding's name; with an order of bytes where Python needs one and no mark has
    it: without either, UTF-16 and UTF-32 raise UnicodeError whatever ``errors`` says."""
    if chosen not in ("utf-16", "utf-32"):
        return chosen
    if any(start.startswith(mark) for mark, name in _MARKS if name == chosen):
        return chosen
    unmarked = _utf16_without_mark(start) if chosen == "utf-16" else ""
    return unmarked or f"{chosen}-le"


def _is_sound(path: Path, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _utf16_without_mark(start: bytes) -> str:
    """Return the UTF-16 variant if every other byte is NUL, as in ASCII text, else ``""``."""
    pairs = len(start) // 2
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if pairs and odd > pairs * 0.3 and even < pairs * 0.05:
        return "utf-16-le"
    if pairs and even > pairs * 0.3 and odd < pairs * 0.05:
        return "utf-16-be"
    return ""


def _counts(path: Path) -> tuple[int, int]:
    """Count the characters beyond ASCII that are valid UTF-8, and the invalid sequences."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    good = bad = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            text = decoder.decode(block)
            good += len(_BEYOND_ASCII.findall(text))
            bad += text.count("\ufffd")
    return good, bad + decoder.decode(b"", final=True).count("\ufffd")
