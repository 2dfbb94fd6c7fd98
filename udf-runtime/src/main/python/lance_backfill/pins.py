"""Versions of packages that a function asks for: ``numpy>=1.26,<2``, ``torch==2.4.*``, ``regex``."""

import re
from typing import List, Optional, Tuple

_PIN = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(.*?)\s*")
_PART = re.compile(r"\s*(==|!=|>=|<=|>|<)\s*(\d+(?:\.\d+)*)(\.\*)?([A-Za-z0-9.+-]*)\s*")

# Stands for whatever version there is.
ANY = "*"


def parsed(pin: object) -> Optional[Tuple[str, str]]:
    """The name of a package and the versions asked for; None if the text says no such thing."""
    found = _PIN.fullmatch(pin) if isinstance(pin, str) else None
    if found is None:
        return None
    versions = found.group(2)
    if not versions:
        return found.group(1), ANY
    for part in versions.split(","):
        one = _PART.fullmatch(part)
        if one is None or (one.group(3) and (one.group(1) not in ("==", "!=") or one.group(4))):
            return None
    return found.group(1), "".join(versions.split())


def fits(asked: str, found: str) -> bool:
    """Whether a version is one of those asked for; a version alone asks for exactly that."""
    if asked == ANY:
        return True
    if asked[:1] not in "=!<>":
        return asked == found
    for part in asked.split(","):
        one = _PART.fullmatch(part)
        if one is None or not _holds(one.group(1), one.group(2), one.group(3), one.group(4), found):
            return False
    return True


def _holds(sign: str, release: str, prefix: Optional[str], suffix: str, found: str) -> bool:
    wanted, there = _numbers(release), _numbers(found)
    if prefix:
        same = (there + [0] * len(wanted))[: len(wanted)] == wanted
        return same if sign == "==" else not same
    if sign in ("==", "!="):
        # What follows the numbers (rc1, +cu121) counts if it was asked for.
        same = _trimmed(there) == _trimmed(wanted) and (not suffix or found == release + suffix)
        return same if sign == "==" else not same
    wanted, there = _trimmed(wanted), _trimmed(there)
    if sign == ">=":
        return there >= wanted
    if sign == "<=":
        return there <= wanted
    return there > wanted if sign == ">" else there < wanted


def _numbers(version: str) -> List[int]:
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    return [int(number) for number in numbers.group().split(".")] if numbers else []


def _trimmed(numbers: List[int]) -> List[int]:
    end = len(numbers)
    while end > 0 and numbers[end - 1] == 0:
        end -= 1
    return numbers[:end]
