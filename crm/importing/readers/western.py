"""Whether text that is not UTF-8 can only be Windows-1252, the code page of Western Europe.

Bytes beyond ASCII mean other letters in other code pages: what is è in Windows-1252 is č in
Windows-1250. A text is Western where its letters are the same in both, or where some of them stand
as only Western languages write them. Words without a letter of ASCII, and signs between letters,
are what Cyrillic, Japanese or DOS texts look like.
"""

from __future__ import annotations

import re
from pathlib import Path

# So much of a file is looked at, and so many words.
_LOOKED_AT = 4 * 2**20
_WORDS = 5_000
_SHOWN, _SHOWN_LENGTH = 3, 40
# A match begins where a word does: a long word of ASCII is not searched again from each letter.
_BYTES_OF_WORD = re.compile(
    rb"(?<![^\x00-\x20,;|\"])[^\x00-\x20,;|\"\x80-\xff]*+[\x80-\xff][^\x00-\x20,;|\"]*+"
)
# In Turkish files, the letters ı, ğ and ş look like these.
_TURKISH = set("ýÝðÐþÞ")
_LATIN = {chr(code) for code in range(0xC0, 0x100)} - set("×÷") - _TURKISH | set("œŒ")
_SAME = {char for char in _LATIN if char.encode("cp1252") == char.encode("cp1250", "replace")}
# Letters of Western languages only, or pairs that Polish, Hungarian and Romanian do not have.
_ONLY_WESTERN = re.compile("[àÀåÅçÇ]|ñ[aeiouáéíóú]|Ñ[AEIOU]|ão|ões|œu", re.IGNORECASE)
_APOSTROPHE = re.compile(r"[a-z]’(?:s|t|d|m|ll|re|ve)\b|\b(?:[a-z]|qu)’[a-zà-ÿ]", re.IGNORECASE)
_SIGN_BETWEEN = re.compile(r"[^\W\d_][^\x00-\x7f\w\xa0–—][^\W\d_]")
# Letters of ISO-8859-2 look like these signs beside letters.
_SIGN_BESIDE = re.compile(r"[£¥¦¬¯][^\W\d_]|[^\W\d_](?:[¢£¥¦¬¯¶¼¾]|(?<=[^\W\d_]{3})[±³µ¹])")


def words(path: Path) -> list[bytes]:
    """Return the first words with bytes beyond ASCII, which show whether an encoding is right."""
    with path.open("rb") as file:
        found = _BYTES_OF_WORD.findall(file.read(_LOOKED_AT))
    return list(dict.fromkeys(word[:_SHOWN_LENGTH] for word in found))[:_SHOWN]


def is_western(path: Path) -> bool:
    with path.open("rb") as file:
        found = _BYTES_OF_WORD.findall(file.read(_LOOKED_AT))
    texts = [word.decode("cp1252", "replace") for word in dict.fromkeys(found[:_WORDS])]
    letters = _LATIN if any(map(_ONLY_WESTERN.search, texts)) else _SAME
    return all(_is_plain(text, letters) for text in texts)


def _is_plain(text: str, letters: set[str]) -> bool:
    text = _APOSTROPHE.sub("", text)
    beyond = [char for char in text if char > "\x7f" and char.isalpha()]
    if not set(beyond) <= letters or "\ufffd" in text or _SIGN_BETWEEN.search(text):
        return False
    if _SIGN_BESIDE.search(text):
        return False
    has_ascii = any(char.isascii() and char.isalpha() for char in text)
    return has_ascii or len(beyond) < 2
