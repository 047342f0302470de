"""The one AdminSite: for staff who operate the installation."""

from django.contrib import admin
from django.contrib.admin.apps import AdminConfig


class SextantAdminSite(admin.AdminSite):
    """Django's admin under the product's name."""

    site_header = "Sextant operations"
    site_title = "Sextant"
    index_title = "Installation"


class SextantAdminConfig(AdminConfig):
    """Makes the site above the default one, with a record of what is done there."""

    # A module of its own, because what it records needs the models, which are loaded after this one.
    default_site = "config.admin_audit.AuditedAdminSite"
