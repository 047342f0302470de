"""Mails as people read them: subject, text and HTML made from a template and a context.

`templates/mail/<name>.txt` begins with the line `Subject: ...`. `<name>.html` is optional: without it the
text is shown in the common frame, `mail/base.html`. Values reach the subject in one line, so nothing that
people type can add a header.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context, TemplateDoesNotExist
from django.template import Template as SourceTemplate
from django.template.loader import get_template, render_to_string

SUBJECT_MARK: Final = "Subject: "
SUBJECT_MAX_CHARS: Final = 200
HTML_FRAME: Final = "mail/base.html"


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail's content."""

    subject: str
    text: str
    html: str

    def message(self, *, to: str, name: str) -> EmailMultiAlternatives:
        """Return the mail to one address; the same `name` gives the same Message-ID each time.

        A mail may go out twice when a worker dies between sending and noting it: by the Message-ID the
        receiver's program knows the second one.
        """
        host = urlsplit(settings.BASE_URL).hostname or "localhost"
        headers = {"Message-ID": f"<{name}@{host}>", "Auto-Submitted": "auto-generated"}
        mail = EmailMultiAlternatives(self.subject, self.text, settings.EMAIL_FROM, [to], headers=headers)
        mail.attach_alternative(self.html, "text/html")
        return mail


def page_address(path: str) -> str:
    """Return a page's whole address for a mail: from BASE_URL, never from a request's Host."""
    return f"{settings.BASE_URL}{path}"


def write_letter(template: str, context: Mapping[str, str]) -> Letter:
    """Return the letter of a template; raises TemplateDoesNotExist."""
    subject_line, body = _parts(template)
    values = {"site": settings.BASE_URL, "host": urlsplit(settings.BASE_URL).netloc, **context}
    in_one_line = {name: _one_line(value) for name, value in values.items()}
    subject = _one_line(subject_line.render(Context(in_one_line, autoescape=False)))[:SUBJECT_MAX_CHARS]
    text = body.render(Context(values, autoescape=False)).strip() + "\n"
    return Letter(subject, text, _html(template, {**values, "subject": subject, "text": text}))


@lru_cache(maxsize=64)
def _parts(template: str) -> tuple[SourceTemplate, SourceTemplate]:
    """Return the templates of subject and text. Split before rendering: a value may hold line ends."""
    source = get_template(f"mail/{template}.txt").template.source  # type: ignore[attr-defined]
    first, _, rest = source.partition("\n")
    if not first.startswith(SUBJECT_MARK):
        raise ValueError(f"mail/{template}.txt must begin with `{SUBJECT_MARK}`")
    return SourceTemplate(first.removeprefix(SUBJECT_MARK)), SourceTemplate(rest)


def _html(template: str, values: Mapping[str, str]) -> str:
    try:
        return render_to_string(f"mail/{template}.html", dict(values))
    except TemplateDoesNotExist:
        return render_to_string(HTML_FRAME, dict(values))


def _one_line(text: str) -> str:
    """Return the text without line ends and other characters that are not for people."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
