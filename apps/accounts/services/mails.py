"""Mails: written as rows with the effect, sent by a job after the commit."""

import json
from collections.abc import Mapping
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from apps.accounts import tasks
from apps.accounts.models import Mail, User
from apps.common.encryption import seal
from apps.common.errors import FieldError, Invalid
from apps.common.origin import current_origin

URGENT: Final = "high_priority"
ORDINARY: Final = "notifications"
CONTEXT_MAX_BYTES: Final = 64 * 1024


@transaction.atomic
def send_mail(
    *, to: str, template: str, context: Mapping[str, str], user: User | None = None, is_urgent: bool = True
) -> Mail:
    """Write a mail in the caller's transaction; a job sends it after the commit and tries again if it must.

    `template` names `templates/mail/<template>.txt`. The context may hold single-use links: it is kept
    encrypted, and blanked when the mail is sent. Urgent is what somebody waits for, or warns them. Raises
    Invalid for an address that is none, ValueError for a context that is too large.
    """
    address = to.strip()
    try:
        validate_email(address)
    except ValidationError as error:
        item = FieldError("This is no mail address.", code="email_invalid", pointer="/email")
        raise Invalid(errors=[item]) from error
    plain = json.dumps(dict(context)).encode()
    if len(plain) > CONTEXT_MAX_BYTES:
        raise ValueError(f"the context of a mail takes at most {CONTEXT_MAX_BYTES} bytes")
    mail = Mail(
        user=user,
        to=address,
        template=template,
        request_id=current_origin().request_id,
        **tasks.post_mail.columns(URGENT if is_urgent else ORDINARY),
    )
    mail.context = seal(plain, place=mail.context_place)
    mail.save(force_insert=True)
    tasks.post_mail.enqueue(mail.pk)
    return mail
