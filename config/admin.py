"""The one AdminSite: for staff who operate the installation."""

from django.contrib import admin
from django.contrib.admin.apps import AdminConfig


class SextantAdminSite(admin.AdminSite):
    """Django's admin under the product's name."""

    site_header = "Sextant operations"
    site_title = "Sextant"
    index_title = "Installation"


class SextantAdminConfig(AdminConfig):
    """Makes the site above the default one."""

    default_site = "config.admin.SextantAdminSite"
