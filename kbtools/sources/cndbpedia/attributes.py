"""Attributes that mean more than a value: names, tags, descriptions."""

from __future__ import annotations

PLAIN, NAME, TAG, DESCRIPTION = range(4)

TAGS = {"BaiduTAG", "CATEGORY_ZH"}
DESCRIPTIONS = {"BaiduCARD", "DESC"}

# by the language of the names: None where the attribute does not say, "" for the dump's own
_NAMES: dict[str | None, str] = {
    "": "中文名 中文名称 中文全称 中文简称 中文学名 中文译名 中文别名 别名 别称 别号 又名 又称 "
    "亦称 也称 简称 全称 俗称 俗名 通称 通俗名称 昵称 绰号 外号 本名 原名 曾用名 笔名 艺名 网名 小名 乳名 "
    "字 号 表字 雅称 古称 旧称 旧名 译名 其他名称 其它名称 其他译名 其它译名 其他名 其它名 异名 学名 商品名 "
    "名称 姓名 简写",
    None: "外文名 外文名称 外文全称 外文简称 外文缩写 外文别名 原版名称 缩写 字母缩写",
    "en": "英文名 英文名称 英文全称 英文简称 英文缩写 英文别名 英文译名",
    "la": "拉丁学名 拉丁名 拉丁文名",
    "ja": "日文名 日文名称 日语名",
    "ko": "韩文名 韩文名称",
    "fr": "法文名 法文名称",
    "de": "德文名 德文名称",
    "ru": "俄文名 俄文名称",
}
NAMES = {name: lang for lang, names in _NAMES.items() for name in names.split()}


def role_of(attribute: str) -> int:
    """Say what an attribute means.

    >>> [role_of(each) == NAME for each in ("别名", "别　名：", "名山")]
    [True, True, False]
    """
    if attribute in TAGS:
        return TAG
    if attribute in DESCRIPTIONS:
        return DESCRIPTION
    return NAME if plain(attribute) in NAMES else PLAIN


def plain(attribute: str) -> str:
    """Take out blanks and a last colon: in info boxes attributes are set wide."""
    return "".join(attribute.split()).rstrip(":：")
