"""Pages of sign-in: allauth's, with the status and the words of our own errors."""

from typing import Any

from allauth.account.views import LoginView
from django.http import HttpResponse

from apps.accounts import queries
from apps.accounts.invitation_views import SESSION_KEY, may_sign_up
from apps.common.problems import problem_headers, status_of


class SignInView(LoginView):  # type: ignore[misc]
    """Sign-in by address and password."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say whether there is a sign-up to go to."""
        token = self.request.session.get(SESSION_KEY, "")
        invitation = queries.find_invitation(token) if token else None
        return {**super().get_context_data(**kwargs), "may_sign_up": may_sign_up(invitation)}

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the form again; a refusal by a rule of ours keeps its status and headers."""
        response: HttpResponse = super().form_invalid(form)
        if form.refusal is not None:
            response.status_code = status_of(form.refusal)
            for name, value in problem_headers(form.refusal).items():
                response[name] = value
        return response
