"""Make an API key for an organization and print it, this once, alone on stdout."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts import keys, queries, services
from apps.accounts.models import Role
from apps.accounts.permissions import system_actor
from apps.common.errors import DomainError
from apps.common.serializers import parse_instant


class Command(BaseCommand):
    """Print the raw key; it cannot be shown again."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--organization", required=True, help="id or short name")
        parser.add_argument("--name", required=True)
        parser.add_argument("--scope", required=True, action="append", choices=sorted(keys.SCOPES))
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--rate-limit", type=int, metavar="PER_MINUTE")
        parser.add_argument("--expires", type=parse_instant, help="such as 2027-01-31T00:00:00Z")

    def handle(self, *args: str, **options: Any) -> None:
        """Create the key in the installation's own name."""
        try:
            actor = system_actor(queries.find_organization(options["organization"]))
            _row, raw = services.create_api_key(
                actor=actor,
                name=options["name"],
                role=Role(options["role"]),
                scopes=options["scope"],
                rate_per_minute=options["rate_limit"],
                expires_at=options["expires"],
            )
        except DomainError as error:
            raise CommandError(error.explain()) from error
        self.stdout.write(raw)
