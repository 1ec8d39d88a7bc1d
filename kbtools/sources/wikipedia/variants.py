"""Language variants: -{zh-hans:计算机;zh-hant:電腦}- is one word in two scripts; one of them is taken."""

from __future__ import annotations

import re

PREFERRED = {  # else the first that is written there
    "zh": ("zh-hans", "zh-cn", "zh-sg", "zh-my", "zh"),
    "sr": ("sr-ec", "sr-cyrl"),
    "kk": ("kk-cyrl",),
    "ku": ("ku-latn",),
    "gan": ("gan-hans",),
    "uz": ("uz-latn",),
    "tg": ("tg-cyrl",),
    "crh": ("crh-latn",),
    "iu": (),
    "shi": (),
}
_VARIANT = re.compile(r"-\{([^{}]*+)\}-")
_FLAGS = re.compile(
    r"\s*([A-Z-](?:\s*;\s*[A-Z-])*|[a-z]{2,3}(?:-[a-z]+)*(?:\s*;\s*[a-z]{2,3}(?:-[a-z]+)*)*|)\s*\|"
)
_SILENT = frozenset("HTND-")  # rules for elsewhere: nothing is shown
MOST_NESTED = 4


def in_one_variant(text: str, lang: str) -> str:
    """Replace each -{…}- by its text in the preferred variant."""
    if "-{" not in text or lang not in PREFERRED:
        return text
    preferred = PREFERRED[lang]
    code = re.compile(rf"(?:^|;)\s*(?:[^;:]*=>\s*)?({lang}(?:-[a-z]+)*)\s*:\s*([^;]*)")
    for _ in range(MOST_NESTED):
        text, found = _VARIANT.subn(lambda match: _chosen(match[1], code, preferred), text)
        if not found:
            break
    return text


def _chosen(content: str, code: re.Pattern[str], preferred: tuple[str, ...]) -> str:
    flags = _FLAGS.match(content)
    if flags:
        content = content[flags.end() :]
        if flags[1].isupper() or flags[1] == "-":
            shown = {flag.strip() for flag in flags[1].split(";")}
            if shown & _SILENT:
                return ""
            if "R" in shown:
                return content
    texts: dict[str, str] = {}
    for variant, words in code.findall(content):
        texts.setdefault(variant, words.strip())
    if not texts:
        return content
    return next((texts[variant] for variant in preferred if variant in texts), next(iter(texts.values())))
