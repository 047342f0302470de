"""People who sign in."""

from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from apps.common.db import Row


class UserQuerySet(models.QuerySet["User"]):
    """Reads of users."""

    def with_email(self, email: str) -> Self:
        """Narrow to the user of an address, whatever its case."""
        return self.annotate(email_lower=Lower("email")).filter(email_lower=email.strip().lower())


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Creation by address, as Django's own authentication expects it."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user of an address, whatever its case; raises User.DoesNotExist."""
        user: User = self.with_email(username or "").get()
        return user


class User(Row, AbstractBaseUser):
    """One person. Staff operate the installation in the admin; staff status grants nothing in the API."""

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120)
    locale = models.CharField(max_length=20, default="en")
    time_zone = models.CharField(max_length=64, default="UTC")
    # When the address was shown to be theirs; invitations are accepted only then.
    email_verified_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    default_organization = models.ForeignKey(
        "accounts.Organization", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        db_table = "accounts_user"
        constraints = [models.UniqueConstraint(Lower("email"), name="accounts_user_email_unique")]

    def __str__(self) -> str:
        return self.email

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Tell whether the admin lets the user act: staff may operate everything there."""
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        """Tell whether the admin shows the user an app."""
        return self.is_active and self.is_staff
