"""What never leaves this server: files by their name, secrets by their form.

A secret becomes `<redacted:kind>` and is counted. Line ends inside it stay, so that lines keep their numbers.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# By the last part of the path, in any case.
NEVER_SENT: Final = re.compile(r"\.env.*|.*\.pem|.*\.key|id_.*|.*\.p12", re.IGNORECASE | re.DOTALL)

# The value of an assignment is a secret if it is not a word: so many bits per character, by its own letters.
ENTROPY_MIN_BITS: Final = 2.8
VALUE_MIN_CHARS: Final = 8

# In this order: what has a form of its own goes before what only stands behind a telling name.
PATTERNS: Final[Mapping[str, "re.Pattern[str]"]] = {
    "private_key": re.compile(
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.{0,20000}?"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
        re.DOTALL,
    ),
    "jwt": re.compile(r"\beyJ[A-Za-z0-9_-]{5,4000}\.eyJ[A-Za-z0-9_-]{5,8000}\.[A-Za-z0-9_-]{5,2000}"),
    "aws_access_key": re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    "google_key": re.compile(r"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_-]{20,500}"),
    "azure_key": re.compile(r"\b(?:AccountKey|SharedAccessKey|sig)=[A-Za-z0-9+/%]{20,200}={0,2}"),
    "github_token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})"),
    "gitlab_token": re.compile(r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_.-]{16,255}"),
    "slack_token": re.compile(
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}|https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,100}"
    ),
    "payment_key": re.compile(r"\b(?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9+/=]{16,255}"),
    "api_key": re.compile(
        r"\b(?:sk-[A-Za-z0-9_-]{16,255}|npm_[A-Za-z0-9]{30,255}|pypi-[A-Za-z0-9_-]{30,500}"
        r"|hf_[A-Za-z0-9]{20,255}|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"
        r"|sxk_[A-Za-z0-9]{8}_[A-Za-z0-9]{38}|dop_v1_[0-9a-f]{40,80})"
    ),
    "url_password": re.compile(r"(?<=://)[^\s:/@'\"<>]{0,200}:[^\s/@'\"<>]{1,500}(?=@)"),
    "bearer_token": re.compile(
        r"(?i)(?<=\bbearer )[A-Za-z0-9._~+/=-]{16,4000}|(?<=\bbasic )[A-Za-z0-9+/=]{16,2000}"
    ),
}
ASSIGNED: Final = re.compile(
    r"""(?ix)
    \b[a-z0-9_.-]{0,60}
    (?:secret|passw(?:or)?d|passphrase|passwd|pwd|token|api[_-]?key|access[_-]?key|private[_-]?key
       |credential|auth[_-]?key|encryption[_-]?key|signing[_-]?key)
    [a-z0-9_.-]{0,60}
    ["']?\s{0,8}(?::\s{0,4}[a-z.]{1,20}\s{0,4})?(?:=>|:=|[:=])\s{0,8}
    (?:[bru]{0,2}["'`](?P<quoted>[^"'`\r\n]{8,500})["'`]|(?P<bare>[^\s"'`,;()\[\]{}<>]{8,500}))
    """
)


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its secrets, and how many there were of each kind."""

    text: str
    counts: Mapping[str, int]


def is_never_sent(path: str) -> bool:
    """Tell whether a file's name alone keeps it here."""
    return NEVER_SENT.fullmatch(path.rpartition("/")[2]) is not None


def redact(text: str) -> Redacted:
    """Return a text without secrets."""
    counts: Counter[str] = Counter()
    for kind, pattern in PATTERNS.items():
        text = pattern.sub(lambda match, kind=kind: _replaced(match, kind, counts), text)  # type: ignore[misc]
    text = ASSIGNED.sub(lambda match: _assigned(match, counts), text)
    return Redacted(text, dict(sorted(counts.items())))


def entropy_bits(value: str) -> float:
    """Return the bits per character of a text by the frequencies of its own characters (Shannon)."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values())


def _replaced(match: "re.Match[str]", kind: str, counts: "Counter[str]") -> str:
    counts[kind] += 1
    return f"<redacted:{kind}>" + "\n" * match[0].count("\n")


def _assigned(match: "re.Match[str]", counts: "Counter[str]") -> str:
    """Return an assignment without its value if that is no word, no name and no call."""
    name = "quoted" if match["quoted"] is not None else "bare"
    value = match[name]
    if value.startswith("<redacted:") or not _is_secret(value, is_quoted=name == "quoted"):
        return match[0]
    counts["assigned_secret"] += 1
    start, end = match.start(name) - match.start(), match.end(name) - match.start()
    return f"{match[0][:start]}<redacted:assigned_secret>{match[0][end:]}"


def _is_secret(value: str, *, is_quoted: bool) -> bool:
    if len(value) < VALUE_MIN_CHARS or entropy_bits(value) < ENTROPY_MIN_BITS:
        return False
    # Without quotes most values are code: a secret has a digit among its letters.
    return is_quoted or any(character.isdigit() for character in value)
