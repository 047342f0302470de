"""List the living API keys, of one organization or of all."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.accounts import queries
from apps.accounts.models import ApiKey
from apps.common.serializers import rfc3339


class Command(BaseCommand):
    """One line per key: id, organization, prefix, role, last use, name."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--organization", default="", help="id or short name; default all")
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *args: str, **options: Any) -> None:
        """Print the keys."""
        facts = [_facts(key) for key in queries.living_keys(options["organization"])]
        if options["json"]:
            self.stdout.write(json.dumps(facts, indent=2))
            return
        for row in facts:
            self.stdout.write("\t".join(value or "-" for value in row.values()))


def _facts(api_key: ApiKey) -> dict[str, str | None]:
    return {
        "id": str(api_key.pk),
        "organization": api_key.organization.slug,
        "prefix": f"sxk_{api_key.prefix}",
        "role": api_key.role,
        "last_used_at": rfc3339(api_key.last_used_at) if api_key.last_used_at else None,
        "name": api_key.name,
    }
