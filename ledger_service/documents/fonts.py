"""The fonts, all under the SIL Open Font License, from packages that come with the install.

Open Sans has Latin, Greek, Cyrillic and Hebrew; Noto Sans has Arabic, Thai, Devanagari, Chinese, Japanese and Korean.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typst

_PACKAGES = (
    "fontpkg_open_sans",
    "fontpkg_noto_sans_arabic",
    "fontpkg_noto_sans_thai",
    "fontpkg_noto_sans_devanagari",
    "manimgx_fonts_cjk",
)
# Chinese, Japanese and Korean write some characters of one number in different ways.
HAN = {"zh": "Noto Sans CJK SC", "ja": "Noto Sans CJK JP", "ko": "Noto Sans CJK KR"}


def han_font(language: str) -> str:
    return HAN.get(language, HAN["zh"])


@lru_cache(maxsize=1)
def fonts() -> typst.Fonts:
    """The fonts, found once. Those of the machine are left out: a document looks the same everywhere."""
    import typst  # heavy, and few processes ever make a document

    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=True, font_paths=[str(path) for path in _folders()]
    )


@lru_cache(maxsize=1)
def covered() -> frozenset[int]:
    """The characters that can be shown."""
    found: set[int] = set()
    for folder in _folders():
        for path in sorted(folder.rglob("*.tt[cf]")):
            found |= _characters(path)
    return frozenset(found)


def _characters(path: Path) -> set[int]:
    from fontTools.ttLib import TTCollection, TTFont  # type: ignore[import-untyped]

    if path.suffix == ".ttc":
        with TTCollection(path, lazy=True) as collection:
            return set(collection.fonts[0].getBestCmap())  # its fonts differ in shapes, not in characters
    with TTFont(path, lazy=True) as font:
        return set(font.getBestCmap())


def _folders() -> list[Path]:
    return [Path(str(files(name))) for name in _PACKAGES]
