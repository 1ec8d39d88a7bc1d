"""Languages as the tables write them: two letters where ISO 639-1 has two."""

from __future__ import annotations

# Of the languages that have an open wordnet. qcn is the Open Multilingual Wordnet's own code for the Chinese
# of Taiwan; its files are written in traditional characters.
_SHORT = {
    "als": "sq", "arb": "ar", "ben": "bn", "bul": "bg", "cat": "ca", "ces": "cs", "cmn": "zh", "dan": "da",
    "deu": "de", "ell": "el", "eng": "en", "est": "et", "eus": "eu", "fas": "fa", "fin": "fi", "fra": "fr",
    "gle": "ga", "glg": "gl", "heb": "he", "hin": "hi", "hrv": "hr", "hun": "hu", "hye": "hy", "ind": "id",
    "isl": "is", "ita": "it", "jpn": "ja", "kat": "ka", "kor": "ko", "lav": "lv", "lit": "lt", "mkd": "mk",
    "mlt": "mt", "mon": "mn", "msa": "ms", "nld": "nl", "nno": "nn", "nob": "nb", "nor": "no", "pes": "fa",
    "pol": "pl", "por": "pt", "qcn": "zh-hant", "ron": "ro", "rus": "ru", "slk": "sk", "slv": "sl",
    "spa": "es", "sqi": "sq", "srp": "sr", "swe": "sv", "tam": "ta", "tel": "te", "tha": "th", "tur": "tr",
    "ukr": "uk", "urd": "ur", "vie": "vi", "zho": "zh", "zsm": "ms",
}  # fmt: skip


def shorten(code: str) -> str:
    """Shorten a language code; a script or region after it stays, but simplified Chinese is plain `zh`.

    >>> [shorten(code) for code in ("cmn", "cmn-Hans", "qcn", "eng", "pt-BR", "yue")]
    ['zh', 'zh', 'zh-hant', 'en', 'pt-br', 'yue']
    """
    first, dash, rest = code.strip().lower().replace("_", "-").partition("-")
    whole = _SHORT.get(first, first) + dash + rest
    return "zh" if whole == "zh-hans" else whole
