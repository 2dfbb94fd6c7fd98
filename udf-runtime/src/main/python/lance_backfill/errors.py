"""Errors as Python sees them."""

import re
from typing import Iterable, Optional, Tuple

_CODED = re.compile(r"\[([A-Z][A-Z0-9_]*)\] ")
_JOB = re.compile(r"^Job (\S+); see job and jobs\.", re.MULTILINE)


# The codes that only this package has, beside those of the Java side: what happened, and what to do.
# docs/errors.md is made from it.
OWN_CODES = {
    "SESSION_NOT_CONFIGURED": (
        "`connect` was given, or found, a Spark session without the extensions of Lance Backfill.",
        "Start the session with `spark.sql.extensions` and the jars, or stop it, and `connect` starts one.",
    ),
    "FUNCTION_NOT_PORTABLE": (
        "A Python function refers to something that cannot travel to the workers.",
        "Make it in the function, or in `setup()` of a class, which runs on the workers.",
    ),
    "MANIFEST_NOT_HERE": (
        "A preview or replay has a manifest, and the Python that would compute it is not on this machine.",
        "Do it in a local session, `connect(location)`, or backfill a few rows with `where`.",
    ),
    "ROW_NOT_FOUND": (
        "The row of an error that is to be replayed is not in its place any more.",
        "Run `retry_errors` or a backfill, and replay an error of that job.",
    ),
}


class BackfillError(Exception):
    """Something is wrong, with what to do about it.

    ``code`` is stable: program against it. ``problem`` says what happened and why, ``remedy`` what to
    do, as far as that is told apart. ``job_id`` is that of the job that failed, if there was one.
    Several faults of one call come together: ``code`` is the first one's, the text has all.
    """

    def __init__(
        self, code: str, problem: str, remedy: str = "", job_id: Optional[str] = None
    ) -> None:
        super().__init__(code, problem, remedy, job_id)
        self.code = code
        self.problem = problem
        self.remedy = remedy
        self.job_id = job_id

    def __str__(self) -> str:
        return "[%s] %s" % (self.code, " ".join(part for part in (self.problem, self.remedy) if part))


class Faults:
    """What is wrong with one call, told together."""

    def __init__(self) -> None:
        self._found: "list[Tuple[str, str, str]]" = []

    def add(self, code: str, problem: str, remedy: str) -> None:
        self._found.append((code, problem, remedy))

    def __len__(self) -> int:
        return len(self._found)

    def extend(self, error: BackfillError) -> None:
        self.add(error.code, error.problem, error.remedy)

    def check(self) -> None:
        """Raises BackfillError if there is any."""
        if not self._found:
            return
        code, problem, remedy = self._found[0]
        for other, what, how in self._found[1:]:
            problem += " %s\n[%s] %s" % (remedy, other, what)
            remedy = how
        raise BackfillError(code, problem, remedy)


def of_spark(raised: BaseException, job_id: Optional[str] = None) -> Optional[BackfillError]:
    """The error in one that PySpark raised, of a classic session or on Spark Connect; None if it is
    none of ours."""
    text = str(raised)
    found = _CODED.search(text)
    if found is None:
        return None
    body = text[found.end() :]
    body = _without_java(body.splitlines())
    problem, remedy = _split(body)
    if job_id is None:
        named = _JOB.search(body)
        job_id = named.group(1) if named else None
    return BackfillError(found.group(1), problem, remedy, job_id)


def _without_java(lines: Iterable[str]) -> str:
    kept = []
    for line in lines:
        if re.match(r"\s+at [\w.$]+\(|JVM stacktrace:", line):
            break
        kept.append(line)
    return "\n".join(kept).strip()


# How the remedies of messages begin.
_REMEDY = re.compile(
    r"(?<=[.:]\s)(?=(?:Add|Allow|Ask|Begin|Call|Cast|Change|Check|Choose|Close|Correct|Create|Declare|"
    r"Delete|Drop|Fix|Free|Give|Make|Move|Name|Pass|Put|Raise|Read|Remove|Rename|Repeat|Restart|Run|"
    r"Set|Start|Take|Try|Turn|Use|Wait|Write)\b)"
)


def _split(body: str) -> Tuple[str, str]:
    """Messages say problem, cause and remedy in this order, in one text."""
    found = None
    for found in _REMEDY.finditer(body):
        break
    if found is None:
        return body, ""
    return body[: found.start()].strip(), body[found.start() :].strip()
