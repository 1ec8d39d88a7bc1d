"""Pages → staged rows: texts with their anchors, names, redirects, categories, links to other sites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from kbtools.artefact import Outcome
from kbtools.io import Block
from kbtools.kb.named import SCHEMAS, NamedPart, read_blocks
from kbtools.sources.wikipedia.disambiguation import is_disambiguation, meanings, without_bracket
from kbtools.sources.wikipedia.dump import Bad, Page, UnreadableError, pages, plain
from kbtools.sources.wikipedia.offsets import Anchor
from kbtools.sources.wikipedia.props import Items, Links
from kbtools.sources.wikipedia.site import CATEGORY, INTERWIKI, LANGUAGE, Site, tidy, words
from kbtools.sources.wikipedia.wikitext import clean

RELATION, MEANING = "category", "what a page or a category is filed under"
ABSTRACT = 2000  # code points that an abstract has at most


def decode(
    folder: Path,
    *,
    piece: dict[str, Any],
    part: str,
    site: dict[str, Any],
    namespaces: Sequence[int],
    categories: bool = True,
    page_props: Sequence[str] = (),
    langlinks: Sequence[str] = (),
) -> Outcome:
    """Stage the pages of a piece."""
    reader = Reader(
        msgspec.convert(site, Site, strict=False),
        frozenset(namespaces),
        categories=categories,
        items=Items.of(folder, page_props) if page_props else None,
        links=Links.of(folder, langlinks) if langlinks else None,
    )
    return read_blocks(folder, piece, part, reader.read)


class Rows:
    """Rows of all tables, gathered from the pages of a block."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, list[Any]]] = {}

    def add(self, table: str, **row: Any) -> None:
        """Append a row; rows of one table always have the same columns."""
        columns = self._tables.get(table)
        if columns is None:
            columns = self._tables[table] = {name: [] for name in row}
        for name, value in row.items():
            columns[name].append(value)

    def extend(self, table: str, **columns: Sequence[Any]) -> None:
        """Append rows, column by column."""
        have = self._tables.setdefault(table, {name: [] for name in columns})
        for name, values in columns.items():
            have[name].extend(values)

    def write(self, out: NamedPart) -> None:
        """Hand all over, and begin anew."""
        for table in SCHEMAS:
            columns = self._tables.get(table)
            if columns is None:
                continue
            if table == "triples":
                out.add(table, **columns, statement=out.statements(len(columns["entity"])))
            else:
                out.add(table, **columns)
        self._tables.clear()


class Reader:
    """Reads the blocks of one piece."""

    def __init__(
        self,
        site: Site,
        namespaces: frozenset[int],
        *,
        categories: bool = True,
        items: Items | None = None,
        links: Links | None = None,
    ) -> None:
        self.site, self.namespaces, self.categories = site, namespaces, categories
        self.items, self.links = items, links
        self._rows = Rows()
        self._seen: set[str] = set()  # categories that have a row of their own in this part
        self._pages = self._blocks = 0

    def read(self, block: Block, out: NamedPart) -> None:
        """Stage the pages of a block."""
        for page in pages(block):
            out.counts["read"] += 1
            if isinstance(page, Bad):
                out.reject(page.reason, line=page.line, byte=page.byte, text=page.text)
                continue
            try:
                self._page(page, out)
            except UnreadableError as error:
                out.reject(f"{page.title}: {error}", line=page.line, byte=page.byte, text=page.text or b"")
        if not self._blocks and self.categories:
            out.add("relations", relation=RELATION, label=RELATION, description=MEANING)
        self._blocks += 1
        self._rows.write(out)

    def _page(self, page: Page, out: NamedPart) -> None:
        number = self.site.split(page.title)[0] if page.namespace is None else page.namespace
        category = self.categories and number == CATEGORY and number not in self.namespaces
        if page.revisions > 1:
            out.counts["skipped: older revisions"] += page.revisions - 1
        if number not in self.namespaces and not category:
            out.counts["skipped: other namespaces"] += 1
        elif page.model != "wikitext":
            out.counts["skipped: not wikitext"] += 1
        elif page.redirect is not None:
            self._redirect(page, page.redirect or None, category, out)
        elif page.text is None:
            out.counts["skipped: without text"] += 1
        elif (target := redirect_in(text := plain(page.text))) is not None:
            self._redirect(page, target, category, out)
        elif category:
            self._category(page, text, out)
        else:
            self._article(page, text, out)

    def _redirect(self, page: Page, target: str | None, category: bool, out: NamedPart) -> None:
        """Note where a redirect leads; its name may speak of what is there."""
        if target is None:
            target = redirect_in(plain(page.text or b""))
        entity = self._id(target) if target else None
        if category or not entity or entity == page.title:
            why = "category redirects" if category else "redirects that lead nowhere"
            out.counts[f"skipped: {why}"] += 1
            return
        out.counts["redirects"] += 1
        self._rows.add("redirects", from_id=page.title, to=entity, kind="title")
        self._name(entity, page.title, "redirect")

    def _article(self, page: Page, text: str, out: NamedPart) -> None:
        site, rows = self.site, self._rows
        cleaned = clean(text, site)
        out.counts.update({f"dropped: {what}": n for what, n in cleaned.counts.items() if n})
        entity = self._entity(page, "entity")
        rows.add(
            "pages",
            entity=entity,
            title=page.title,
            lang=site.lang,
            text=cleaned.text,
            sections=[section._asdict() for section in cleaned.sections],
        )
        self._anchors(cleaned.anchors)
        self._pages += 1
        rows.add("labels", entity=entity, lang=site.lang, text=page.title)
        if abstract := abstract_of(cleaned.text, cleaned.sections[0].start if cleaned.sections else None):
            about = {"kind": "abstract", "text": abstract, "source": site.dbname}
            rows.add("descriptions", entity=entity, lang=site.lang, **about)
        name = without_bracket(page.title)
        if is_disambiguation(page.title, text, site):
            out.counts["disambiguation pages"] += 1
            for title in meanings(text, site):
                self._name(title, name, "disambiguation")
        else:
            self._name(entity, page.title, "title")
            if name != page.title:
                self._name(entity, name, "title")
        self._parents(entity, cleaned.categories)

    def _category(self, page: Page, text: str, out: NamedPart) -> None:
        """Stage the page of a category: what it belongs to."""
        out.counts["categories"] += 1
        entity = self._entity(page, "concept")
        if self.items is None:
            self._seen.add(entity)
        name = self.site.split(page.title)[1]
        self._rows.add("labels", entity=entity, lang=self.site.lang, text=name)
        self._name(entity, name, "title")
        self._parents(entity, clean(text, self.site).categories)

    def _entity(self, page: Page, kind: str) -> str:
        """Add what is the same for all pages; return the id."""
        site, rows = self.site, self._rows
        item = self.items.of_page(page.number) if self.items else None
        entity = item or page.title
        label = page.title if kind == "entity" else site.split(page.title)[1]
        # a category that an overlay's base does not have is nothing to report
        line = page.line if kind == "entity" else None
        rows.add("entities", entity=entity, kind=kind, label=label, lang=site.lang, line=line)
        rows.add("sitelinks", entity=entity, site=site.dbname, title=page.title)
        if item:
            rows.add("redirects", from_id=page.title, to=item, kind="title")
        if self.links:
            for lang, title in self.links.of_page(page.number):
                rows.add("labels", entity=entity, lang=lang.replace("_", "-"), text=title)
                rows.add("sitelinks", entity=entity, site=f"{lang.replace('-', '_')}wiki", title=title)
        return entity

    def _anchors(self, anchors: Sequence[Anchor]) -> None:
        if not anchors:
            return
        starts, ends, surfaces, titles, kinds = zip(*anchors, strict=True)
        self._rows.extend(
            "anchors",
            page=[self._pages] * len(starts),
            start=starts,
            end=ends,
            surface=surfaces,
            target=titles,  # they are as the wiki writes them
            target_title=titles,
            kind=kinds,
        )

    def _id(self, title: str) -> str | None:
        """Return the id that a link leads to; None if it is not of this site."""
        number, rest = self.site.split(title)
        if number in (LANGUAGE, INTERWIKI) or not rest:
            return None
        return rest if number == 0 else self.site.full(number, rest)

    def _name(self, entity: str, text: str, source: str) -> None:
        self._rows.add("surfaces", entity=entity, text=text, lang=self.site.lang, source=source)

    def _parents(self, entity: str, names: Sequence[str]) -> None:
        """Add the categories of a page, and each as an entity: many have no page of their own."""
        site = self.site
        for name in names:
            number, rest = site.split(name)
            rest = rest if number == CATEGORY else site.capitalised(tidy(name))
            if not rest or not self.categories:
                continue
            category = site.full(CATEGORY, rest)
            # with --page-props the id is known only where the page of the category is
            if category not in self._seen and self.items is None:
                self._seen.add(category)
                facts = {"kind": "concept", "label": rest, "lang": site.lang, "line": None}
                self._rows.add("entities", entity=category, **facts)
            self._rows.add("triples", entity=entity, relation=RELATION, tail=category)


def redirect_in(text: str) -> str | None:
    """Return where a text redirects to, None if it does not.

    >>> [redirect_in(text) for text in ("#REDIRECT [[Apple Inc.#History]]", "#重定向[[苹果]]", "# [[A]]")]
    ['Apple Inc.', '苹果', None]
    """
    text = text.lstrip()
    if not text.startswith("#"):
        return None
    word, found, rest = text[1:300].partition("[[")
    if not found or word.strip().rstrip(":").strip().lower() not in words().redirects:
        return None
    return rest.partition("]]")[0].partition("|")[0].partition("#")[0].strip()


def abstract_of(text: str, first_section: int | None) -> str:
    r"""Return the first paragraph before the first section.

    >>> abstract_of("\n\nBerlin is a city.\n\nIt is large.", None)
    'Berlin is a city.'
    """
    lead = text[:first_section].strip()
    return lead.partition("\n\n")[0].strip()[:ABSTRACT]
