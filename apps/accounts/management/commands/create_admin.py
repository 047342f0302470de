"""Make an operator: staff user, admin of an organization and of `system`."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts import services
from apps.common.errors import DomainError


class Command(BaseCommand):
    """Ask for the password, or read it from standard input; who exists keeps theirs."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--organization", default="Main", help="name; made if there is none")
        parser.add_argument("--password-stdin", action="store_true")

    def handle(self, *args: str, **options: Any) -> None:
        """Create the user."""
        password = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else getpass.getpass()
        try:
            user = services.create_first_admin(
                email=options["email"],
                name=options["name"],
                password=password,
                organization_name=options["organization"],
            )
        except DomainError as error:
            raise CommandError(error.explain()) from error
        self.stdout.write(f"{user.email} is an administrator")
