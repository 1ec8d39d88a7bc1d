"""How dumps of Wikipedia are read: which files, of which site, and what else is needed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kbtools.errors import ConfigError, SourceError
from kbtools.io.inputs import is_url, local
from kbtools.sources.base import Feed, Reading
from kbtools.sources.wikipedia.dump import head, language_of, site_of
from kbtools.sources.wikipedia.settings import Settings
from kbtools.sources.wikipedia.site import Site

DECODE = "kbtools.sources.wikipedia.read:decode"
END = b"</mediawiki>"
_XML = re.compile(r"\.xml(-p\d+p\d+)?(\.(bz2|gz|xz|zst))?$")
_INDEX = re.compile(r"index\d*\.txt")


def plan(dumps: Sequence[str], settings: Settings) -> Reading:
    """Say how these dumps are read."""
    from kbtools.sources.wikipedia.sql import columns  # noqa: PLC0415 - needs pyarrow

    warnings: list[str] = []
    paths = [path for given in dumps for path in expanded(given, warnings)]
    if not paths:
        raise SourceError(
            "is the index of a multistream dump, which is not needed; give the dump itself", path=dumps[0]
        )
    warnings += [warning for path in paths if (warning := _of_history(path))]
    site = one_site(paths, settings.site)
    for table, files in (("page_props", settings.page_props), ("langlinks", settings.langlinks)):
        for file in files:
            columns(str(file), table)  # refused here if it is another one
    warnings += [
        f"{path}: </mediawiki> is missing at its end: is it cut off?" for path in paths if _is_cut(path)
    ]
    args = {
        "site": msgspec.to_builtins(site, str_keys=True),
        "namespaces": sorted({_namespace(name, site) for name in settings.namespaces}),
        "categories": settings.categories,
        "page_props": [str(path) for path in settings.page_props],
        "langlinks": [str(path) for path in settings.langlinks],
    }
    notes = {"site": site.dbname, "lang": site.lang} | ({"warnings": warnings} if warnings else {})
    return Reading(
        feeds=[Feed(call=DECODE, paths=(path,), layout="pages", args=args) for path in paths],
        files=[*args["page_props"], *args["langlinks"]],
        names="id" if settings.page_props else f"site:{site.dbname}",
        notes=notes,
    )


def expanded(given: str, warnings: list[str]) -> list[str]:
    """Return the dumps of a folder in their order, or the file itself."""
    here = local(given)
    if here is None or not Path(here).is_dir():
        if _INDEX.search(Path(given).name):
            warnings.append(f"{given}: the index of a multistream dump is not needed")
            return []
        return [given]
    found = sorted(
        (path for path in Path(here).iterdir() if _XML.search(path.name)), key=lambda path: _order(path.name)
    )
    articles = [path for path in found if "pages-articles" in path.name] or found
    if not articles:
        raise SourceError("holds no XML dump; expected *-pages-articles*.xml.bz2", path=given)
    streams = [path for path in articles if "multistream" in path.name]
    if streams and len(streams) < len(articles):
        raise SourceError("holds multistream dumps and others, of the same pages; name the files", path=given)
    return [str(path) for path in articles]


def _order(name: str) -> list[tuple[int, str]]:
    """Sort …articles2 before …articles10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def one_site(paths: Sequence[str], override: str | None) -> Site:
    """Return the site that all dumps are of."""
    if override and not language_of(override):
        raise ConfigError(f"--site {override!r}: give a database name such as enwiki or zh_yuewiki")
    sites = []
    for path in paths:
        here = local(path)
        if is_url(path) or (here is not None and (not Path(here).exists() or Path(here).is_file())):
            sites.append(site_of(head(path), path, override))
        elif override is None:
            raise ConfigError(f"{path} can be read only once: say of which site it is, such as --site enwiki")
        else:
            sites.append(Site(lang=language_of(override), dbname=override))
    other = next((site for site in sites if site.dbname != sites[0].dbname), None)
    if other:
        what = f"is of {other.dbname}, {paths[0]} of {sites[0].dbname}; ingest each by itself"
        raise SourceError(what, path=paths[sites.index(other)])
    return sites[0]


def _namespace(name: str, site: Site) -> int:
    if re.fullmatch(r"\d+", name):
        return int(name)
    number = site.numbers.get(name.replace("_", " ").strip().lower())
    if number is None:
        known = ", ".join(f"{number} {text}".strip() for number, text in sorted(site.namespaces.items()))
        raise ConfigError(f"--namespaces {name!r}: {site.dbname} has 0 (articles), {known}")
    return number


def _of_history(path: str) -> str:
    """Say what to take instead of a dump of all revisions; refuse one that would have to be unpacked."""
    if "meta-history" not in Path(path).name:
        return ""
    if path.endswith(".7z"):
        raise SourceError(
            "holds all revisions of all pages, as 7z, which is not read; give …-pages-articles.xml.bz2",
            path=path,
        )
    return f"{path}: all revisions are read for the last of each page; …-pages-articles.xml.bz2 is smaller"


def _is_cut(path: str) -> bool:
    """Tell whether a plain file lacks its end; containers know for themselves."""
    here = local(path)
    if here is None or not Path(here).is_file():
        return False
    with Path(here).open("rb") as file:
        if not file.read(256).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
            return False
        file.seek(max(0, Path(here).stat().st_size - 4096))
        return END not in file.read()
