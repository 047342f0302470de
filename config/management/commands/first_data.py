"""Fill a new installation: the sample organization, or only an administrator."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from apps.accounts.models import Organization
from apps.accounts.services import create_first_admin
from config import installation


class Command(BaseCommand):
    """Do nothing where somebody works already; `up` calls this after the migrations."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--empty", action="store_true", help="no sample data, only an administrator")

    def handle(self, *_args: str, **options: Any) -> None:
        """Fill the database if it has no organization of its own yet."""
        if Organization.objects.exclude(slug="system").exists():
            return
        if options["empty"]:
            create_first_admin(
                email=installation.ADMIN_EMAIL,
                name="Administrator",
                password=installation.admin_password(settings.VAR_DIR),
                organization_name="Main",
            )
        else:
            call_command("demo")
