"""Revoke an API key: it is refused from the next request on."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts import queries, services
from apps.accounts.permissions import system_actor
from apps.common.errors import NotFound


class Command(BaseCommand):
    """Take the id that `list_api_keys` shows."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("id", type=uuid.UUID)

    def handle(self, *args: str, **options: Any) -> None:
        """Revoke the key in the installation's own name."""
        try:
            api_key = queries.living_key(options["id"])
        except NotFound as error:
            raise CommandError(error.detail) from error
        services.revoke_api_key(actor=system_actor(api_key.organization), api_key=api_key)
        self.stdout.write(f"revoked sxk_{api_key.prefix}")
