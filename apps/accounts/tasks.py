"""The job of accounts: mails on their way, urgent ones in the queue for what somebody waits for."""

import json
import smtplib
from typing import Final

from apps.accounts.letters import write_letter
from apps.accounts.models import Mail
from apps.common.encryption import unseal
from apps.common.errors import DomainError
from apps.common.jobs import Run, Transient, job

MAIL_SERVER_FAULT: Final = 500


class MailRefused(DomainError):
    """The mail server refused the mail for good."""

    code = "job.mail_refused"


@job(kind="accounts.mail", model="accounts.Mail", queue="notifications", organization_path="")
def post_mail(run: Run[Mail]) -> None:
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
