"""Pages of organizations: one's own, which of them is active, and the settings of the active one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import services
from apps.accounts.chosen_organization import choose_organization
from apps.accounts.models import Membership, Organization, User
from apps.accounts.page_acts import act_and_tell, add_refusal, require_recent_proof
from apps.accounts.pages import PageRequest, page, personal_page
from apps.common.errors import DomainError

SETTINGS = "accounts:organization-settings"


def _text_field(
    label: str, *, max_length: int, help_text: str = "", is_required: bool = True
) -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "input", "autocomplete": "off"})
    return forms.CharField(
        label=label, max_length=max_length, widget=widget, help_text=help_text, required=is_required
    )


class NewOrganizationForm(forms.Form):
    """A new organization; its short name is made from the name."""

    name = _text_field("Name", max_length=120)


class OrganizationForm(forms.Form):
    """The settings of an organization; the service judges what a field alone cannot."""

    name = _text_field("Name", max_length=120)
    slug = _text_field(
        "Short name",
        max_length=60,
        help_text="2 to 60 of a-z, 0-9 and dash. Programs name the organization by it.",
    )
    allowed_email_domains = forms.CharField(
        label="Domains of members",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"class": "input", "rows": 3, "spellcheck": "false"}),
        help_text="One a line, as example.com. Who joins needs an address there; left empty, any will do.",
    )

    def values(self) -> dict[str, Any]:
        """Return the checked fields as the service takes them."""
        domains = self.cleaned_data["allowed_email_domains"].replace(",", " ").split()
        return {**self.cleaned_data, "allowed_email_domains": domains}


@require_http_methods(["GET", "HEAD", "POST"])
@personal_page
def organizations(request: PageRequest) -> HttpResponse:
    """Show the user's organizations; make one on request, and act in it."""
    form = NewOrganizationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_organization(**form.cleaned_data, creator=_user(request))
        except DomainError as error:
            add_refusal(form, error)
        else:
            choose_organization(request.session, made)
            messages.success(request, f"{made.name} is there, and you are its admin.")
            return redirect("accounts:members")
    status = 422 if form.errors else 200
    return render(request, "accounts/organizations.html", {"form": form}, status=status)


@require_POST
@personal_page
def switch_organization(request: PageRequest) -> HttpResponse:
    """Act in another of the user's organizations from now on."""
    wanted = request.POST.get("organization", "")
    membership = next((each for each in request.memberships if str(each.organization_id) == wanted), None)
    if membership is None or membership.organization.suspended_at is not None:
        messages.error(request, "You cannot act in this organization any more.")
        return redirect("accounts:organizations")
    choose_organization(request.session, membership.organization)
    return redirect("accounts:overview")


@require_http_methods(["GET", "HEAD", "POST"])
@page("accounts.manage_organization")
def organization_settings(request: PageRequest) -> HttpResponse:
    """Show the settings of the active organization, and change them."""
    organization = request.actor.organization
    form = OrganizationForm(
        request.POST if request.method == "POST" else None, initial=_initial(organization)
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.update_organization(actor=request.actor, organization=organization, **form.values())
        except DomainError as error:
            add_refusal(form, error)
        else:
            messages.success(request, "The settings are kept.")
            return redirect(SETTINGS)
    others = Membership.objects.visible_to(request.actor).exclude(user=_user(request)).count()
    context = {"form": form, "other_members": others}
    return render(request, "accounts/organization_settings.html", context, status=422 if form.errors else 200)


@require_POST
@page("accounts.manage_organization")
def delete_organization(request: PageRequest) -> HttpResponse:
    """Hide the active organization from everybody, if its short name was typed to confirm that."""
    organization = request.actor.organization
    if request.POST.get("confirm", "").strip() != organization.slug:
        messages.error(request, "Nothing was deleted: type the short name of the organization to confirm.")
        return redirect(SETTINGS)

    def delete() -> None:
        require_recent_proof(request)
        services.delete_organization(actor=request.actor, organization=organization)

    told = f"{organization.name} is deleted. Its data is dropped in 30 days."
    return act_and_tell(request, delete, told=told, back=SETTINGS, then="accounts:organizations")


def _initial(organization: Organization) -> dict[str, str]:
    domains = "\n".join(organization.allowed_email_domains)
    return {"name": organization.name, "slug": organization.slug, "allowed_email_domains": domains}


def _user(request: PageRequest) -> User:
    """Return who is signed in: pages know no other actor."""
    user: User = request.user  # type: ignore[assignment]
    return user
