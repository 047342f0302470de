"""What every mail has: a subject in its first line that tells no secret, and a text that can be rendered."""

import re
from pathlib import Path

import pytest

from apps.accounts.letters import write_letter
from tests.architecture.source import BASE_DIR

TEXTS = sorted((BASE_DIR / "templates" / "mail").glob("*.txt"))
SECRETS = re.compile(r"{{[^}]*(token|key|code|secret|password|link|url|address)[^}]*}}")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_a_mail_has_a_subject_without_secrets_and_a_body(path: Path) -> None:
    first, _, rest = path.read_text().partition("\n")
    assert first.startswith("Subject: ")
    assert not SECRETS.search(first)
    assert rest.strip()
    write_letter(path.stem, {})


def test_html_of_a_mail_belongs_to_a_text() -> None:
    htmls = {path.stem for path in (BASE_DIR / "templates" / "mail").glob("*.html")} - {"base"}
    assert htmls <= {path.stem for path in TEXTS}
