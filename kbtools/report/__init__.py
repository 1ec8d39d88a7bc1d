"""Reports of evaluations: numbers with intervals, what they were made of, tables, plots and every prediction.

    report.json           all of it, for programs: every number, settings, lineage
    report.md             tables, for people
    report.html           the same with the plots in it: one file, nothing is fetched
    predictions.parquet   what was answered to each question, and what is right
    plots/NAME.svg        each plot by itself

Any evaluation that hands over `kbtools.metrics.Results` gets one. Same results, same bytes: no date stands in
any of the files (the manifest has one).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import msgspec
import pyarrow.parquet as pq

from kbtools.artefact import (
    Input,
    KbRef,
    Licence,
    Manifest,
    Staging,
    Table,
    begin,
    digest,
    entry,
    plan,
    read,
    unite,
)
from kbtools.errors import ArtefactError
from kbtools.kb.schema_digest import schema_digest
from kbtools.metrics import Results
from kbtools.report import clouds, heats, pages, plots
from kbtools.report.document import Document, Source

__all__ = ["Document", "load", "make"]

KIND = "report"
JSON, PREDICTIONS = "report.json", "predictions.parquet"


def make(
    out: str | Path,
    evaluate: Callable[[], Results],
    *,
    task: str,
    settings: Mapping[str, Any],
    inputs: Sequence[Input],
    kbs: Sequence[KbRef] = (),
    licences: Sequence[Licence] = (),
    draw: bool = True,
    overwrite: bool = False,
) -> Manifest:
    """Call `evaluate` and write its results at `out`; return the manifest.

    All that can be refused is refused before the work: a target that exists, plots without matplotlib. Of
    one that broke off nothing can be used: the next begins anew, whatever its settings.
    """
    if draw:
        plots.check()
    told = {"task": task, "draw": draw, **settings}
    ours = plan(KIND, told, [one.content for one in inputs])
    with Staging(Path(out), ours, overwrite=overwrite, restart=True) as staging:
        if staging.whole is not None:
            return staging.whole
        try:
            results = evaluate()
            tables = _write(staging.new, results, _document(results, task, settings, inputs), draw)
        except BaseException:
            shutil.rmtree(staging.folder, ignore_errors=True)
            raise
        return staging.commit(
            begin(
                KIND,
                settings=told,
                inputs=list(inputs),
                kbs=list(kbs),
                tables=tables,
                counts=results.counts,
                licences=unite(licences),
            )
        )


def load(path: str | Path) -> Document:
    """Read the numbers of the report at `path`."""
    read(Path(path), KIND)
    file = Path(path) / JSON
    try:
        return msgspec.json.decode(file.read_bytes(), type=Document)
    except OSError as error:
        raise ArtefactError(f"{file}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArtefactError(f"{file}: damaged: {error}") from error


def _document(results: Results, task: str, settings: Mapping[str, Any], inputs: Sequence[Input]) -> Document:
    return Document(
        title=results.title,
        task=task,
        settings=dict(settings),
        inputs=[Source(name=PurePath(one.path).name, kind=one.kind, content=one.content) for one in inputs],
        counts=results.counts,
        notes=results.notes,
        measures=results.measures,
        comparisons=results.comparisons,
        curves=results.curves,
    )


def _write(folder: Path, results: Results, document: Document, draw: bool) -> dict[str, Table]:
    drawn = dict(_drawn(results)) if draw else {}
    texts = {
        JSON: msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n",
        "report.md": pages.markdown(document, list(drawn)).encode(),
        "report.html": pages.html(document, list(drawn.values())).encode(),
        **results.files,
    }
    for name, data in {**texts, **drawn}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    predictions = results.predictions.combine_chunks()
    pq.write_table(predictions, folder / PREDICTIONS, compression="zstd", compression_level=1)
    tables = {
        "report": _files(folder, len(results.measures), list(texts)),
        "predictions": Table(
            rows=predictions.num_rows,
            files=[entry(folder, PREDICTIONS)],
            schema=schema_digest(predictions.schema),
        ),
    }
    return tables | ({"plots": _files(folder, len(drawn), list(drawn))} if drawn else {})


def _drawn(results: Results) -> Iterator[tuple[str, bytes]]:
    for curve in results.curves:
        yield f"plots/{curve.name}.svg", plots.draw(curve)
    for cloud in results.clouds:
        yield f"plots/{cloud.name}.svg", clouds.draw(cloud)
    for heat in results.heats:
        yield f"plots/{heat.name}.svg", heats.draw(heat)


def _files(folder: Path, rows: int, names: Sequence[str]) -> Table:
    return Table(rows=rows, files=[entry(folder, name) for name in names], schema=digest.of_json([*names]))
