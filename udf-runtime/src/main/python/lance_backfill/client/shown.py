"""How tables, jobs and coverage look in a notebook.

Colours are those of the notebook, light or dark: text and lines take its own, bars have middle tones.
"""

import datetime
import sys
from html import escape
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import pyarrow as pa

_MARK = b"lance-backfill.shown"
_LIMIT = 50
_SHORT = 80

_CELL = "padding:2px 10px;text-align:%s;border-bottom:1px solid rgba(128,128,128,.35)"
_BOX = '<div style="max-height:24em;overflow:auto">%s</div>'
_FADED = '<div style="opacity:.7;font-size:90%%">%s</div>'

# What values of a column are, and the colour of their part of a bar.
_STATES = (
    ("fresh", "#3c9d5d"),
    ("stale", "#c9962b"),
    ("failed", "#d0524f"),
    ("never_computed", "#8a8f98"),
    ("unknown", "#8d6fc4"),
)


def page(title: str, *parts: str) -> str:
    """A title over parts that are HTML already."""
    return "<div><b>%s</b>%s</div>" % (escape(title), "".join(parts))


def grid(names: Sequence[str], rows: Iterable[Sequence[Any]], total: int) -> str:
    """Rows of plain values, the first 50 of ``total``; numbers stand at the right."""
    lines = []
    for row in rows:
        cells = []
        for value in row:
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            side = "right" if number else "left"
            cells.append('<td style="%s">%s</td>' % (_CELL % side, _text(value)))
        lines.append("<tr>%s</tr>" % "".join(cells))
        if len(lines) == _LIMIT:
            break
    heads = "".join('<th style="%s">%s</th>' % (_CELL % "left", escape(name)) for name in names)
    table = '<table style="border-collapse:collapse"><thead><tr>%s</tr></thead><tbody>%s</tbody></table>'
    shown = _BOX % (table % (heads, "".join(lines)))
    return shown + faded("%d more rows" % (total - len(lines))) if total > len(lines) else shown


def faded(text: str) -> str:
    """A remark below."""
    return _FADED % escape(text)


def bar(parts: Sequence[Tuple[str, int, str]]) -> str:
    """Shares of a whole: names, counts and colours. Says them in words, too."""
    whole = sum(count for _, count, _ in parts)
    if not whole:
        return faded("no rows")
    pieces = "".join(
        '<span style="display:inline-block;height:100%%;width:%.2f%%;background:%s"></span>'
        % (100.0 * count / whole, colour)
        for _, count, colour in parts
        if count
    )
    words = ", ".join(
        "%s %s (%.1f %%)" % (format(count, ",d"), name, 100.0 * count / whole)
        for name, count, _ in parts
        if count
    )
    frame = (
        '<div style="width:20em;height:.7em;white-space:nowrap;overflow:hidden;'
        'border:1px solid rgba(128,128,128,.5)">%s</div>'
    )
    return frame % pieces + faded(words)


def progress(done: int, failed: int, planned: int) -> str:
    """How much of a job's rows are computed."""
    left = max(0, planned - done)
    return bar([("done", done - failed, "#3c9d5d"), ("failed", failed, "#d0524f"), ("to do", left, "#8a8f98")])


def _text(value: Any) -> str:
    if value is None:
        return '<span style="opacity:.6">NULL</span>'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return format(value, ",d")
    if isinstance(value, datetime.datetime):
        return escape(value.strftime("%Y-%m-%d %H:%M:%S"))
    text = str(value)
    if len(text) <= _SHORT:
        return escape(text)
    return '<span title="%s">%s…</span>' % (escape(text), escape(text[: _SHORT - 1]))


# What the procedures give is Arrow, and stays Arrow: a mark in the schema says how to show it.


def marked(table: pa.Table, kind: str) -> pa.Table:
    """The same table, which a notebook shows as ``kind``: coverage or jobs."""
    register()
    return table.replace_schema_metadata({**(table.schema.metadata or {}), _MARK: kind.encode()})


def of_arrow(table: pa.Table) -> Optional[str]:
    """HTML of a marked table; None for any other, which IPython then shows as it did."""
    kind = (table.schema.metadata or {}).get(_MARK)
    show = _KINDS.get(kind.decode()) if kind else None
    return show(table) if show else None


def _coverage(table: pa.Table) -> str:
    counts = []
    for name, colour in _STATES:
        if name in table.column_names:
            counts.append((name.replace("_", " "), sum(count or 0 for count in table[name].to_pylist()), colour))
    title = "Coverage of %s fragments" % format(table.num_rows, ",d")
    return page(title, bar(counts), _arrow_grid(table, table.column_names))


_JOB_COLUMNS = ("job_id", "columns", "status", "started_at", "rows_computed", "rows_failed", "message")


def _jobs(table: pa.Table) -> str:
    names = [name for name in _JOB_COLUMNS if name in table.column_names]
    return page("%s jobs" % format(table.num_rows, ",d"), _arrow_grid(table, names))


def _arrow_grid(table: pa.Table, names: List[str]) -> str:
    rows = table.select(names).slice(0, _LIMIT).to_pylist()
    return grid(names, ([row[name] for name in names] for row in rows), table.num_rows)


_KINDS: Dict[str, Callable[[pa.Table], str]] = {"coverage": _coverage, "jobs": _jobs}


def register() -> None:
    """Tells IPython, if this is one, how marked tables look; what the user registered stays."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["text/html"]
    try:
        formatter.lookup_by_type(pa.Table)
    except KeyError:
        formatter.for_type(pa.Table, of_arrow)
