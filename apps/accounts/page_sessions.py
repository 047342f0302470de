"""The store of pages' sessions: Django's, but tied to a row of `accounts_session` (services.sessions).

The key in the cookie signs somebody in, so the table holds a digest of it instead.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from apps.accounts.services.sessions import (
    PageMark,
    end_page_session,
    move_page_session,
    stored_key,
    use_page_session,
)


class SessionStore(DatabaseStore):
    """Django's store in the database; settings.SESSION_ENGINE names this module."""

    def _get_session_from_db(self) -> Any:
        row = self.model.objects.filter(
            session_key=stored_key(self.session_key), expire_date__gt=timezone.now()
        ).first()
        if row is None:
            self._session_key = None
        return row

    async def _aget_session_from_db(self) -> Any:
        return await sync_to_async(self._get_session_from_db)()

    def exists(self, session_key: str) -> bool:
        """Tell whether a key is taken."""
        return super().exists(stored_key(session_key))

    async def aexists(self, session_key: str) -> bool:
        """Do the same for code on an event loop."""
        return await super().aexists(stored_key(session_key))

    def create_model_instance(self, data: Any) -> Any:
        """Return the row of the session as it is now."""
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    async def acreate_model_instance(self, data: Any) -> Any:
        """Do the same for code on an event loop."""
        row = await super().acreate_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete the row of a key, by default that of this session."""
        key = session_key or self.session_key
        if key:
            super().delete(stored_key(key))

    async def adelete(self, session_key: str | None = None) -> None:
        """Do the same for code on an event loop."""
        key = session_key or self.session_key
        if key:
            await super().adelete(stored_key(key))

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Return for how many seconds the cookie is good: 14 days, but never past the session's end."""
        mark = PageMark.of(self)
        age = super().get_expiry_age(**kwargs)
        return age if mark is None else min(age, int((mark.ends_at - timezone.now()).total_seconds()))

    def get_expiry_date(self, **kwargs: Any) -> dt.datetime:
        """Return until when the session is good, never past its end."""
        mark = PageMark.of(self)
        expires_at: dt.datetime = super().get_expiry_date(**kwargs)
        return expires_at if mark is None else min(expires_at, mark.ends_at)

    def cycle_key(self) -> None:
        """Change the key; the row follows."""
        super().cycle_key()
        move_page_session(page=self)

    def flush(self) -> None:
        """End the session; so does its row. Every sign-out comes through here, whoever's code it is."""
        mark = PageMark.of(self)
        super().flush()
        if mark is not None:
            end_page_session(mark.session_id)


class PageSessionUse:
    """Prolongs the session of a page that is in use; Django's own middleware around it saves it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; a session that nobody looked at is left alone, without a query."""
        response = self.get_response(request)
        if request.session.accessed:
            use_page_session(page=request.session, now=timezone.now())
        return response
