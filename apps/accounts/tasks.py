"""The jobs of accounts: mails on their way, urgent ones in a queue of their own."""

import json
import smtplib
from typing import Any, Final

from django.db.models import QuerySet

from apps.accounts.letters import write_letter
from apps.accounts.models import Mail
from apps.common.encryption import unseal
from apps.common.errors import DomainError
from apps.common.jobs import Run, Transient, job
from apps.common.jobs.kinds import JobKind

MAIL_SERVER_FAULT: Final = 500


class MailRefused(DomainError):
    """The mail server refused the mail for good."""

    code = "mail.refused"


def _urgent(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(queue="high_priority")


def _ordinary(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.exclude(queue="high_priority")


@job(
    kind="accounts.urgent_mail",
    model="accounts.Mail",
    queue="high_priority",
    organization_path="",
    own_rows=_urgent,
)
def send_urgent_mail(run: Run[Mail]) -> None:
    """Send a mail that somebody waits for, or that warns them."""
    _send(run)


@job(
    kind="accounts.mail",
    model="accounts.Mail",
    queue="notifications",
    organization_path="",
    own_rows=_ordinary,
)
def send_ordinary_mail(run: Run[Mail]) -> None:
    """Send a mail."""
    _send(run)


def mail_job(mail: Mail) -> JobKind[Mail]:
    """Return the kind of job that a mail is."""
    return send_urgent_mail if mail.queue == send_urgent_mail.queue.name else send_ordinary_mail


def _send(run: Run[Mail]) -> None:
    """Send the mail and blank its context; raises Transient where another try may help, else MailRefused."""
    row = run.row
    context: dict[str, str] = json.loads(unseal(row.context, place=row.context_place))
    letter = write_letter(row.template, context)
    try:
        letter.message(to=row.to, name=str(row.pk)).send()
    except (smtplib.SMTPException, OSError) as error:
        raise _fault(error) from error
    run.succeed(context=b"")


def _fault(error: Exception) -> DomainError:
    """Return what a failure means. The server's words stay out: they may hold the address or the password."""
    codes = [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _text in error.recipients.values()]
    if codes and min(codes) >= MAIL_SERVER_FAULT and not isinstance(error, smtplib.SMTPAuthenticationError):
        return MailRefused(f"The mail server refused the mail with code {min(codes)}.")
    return Transient("The mail server cannot be reached or does not take the mail just now.")
