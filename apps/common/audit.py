"""What an audit can say: each app registers the verbs of its acts in `AppConfig.ready()`.

register_audit_verbs({"datasets.deleted": "A dataset was deleted"})
"""

from collections.abc import Mapping
from types import MappingProxyType

_verbs: dict[str, str] = {}


def register_audit_verbs(verbs: Mapping[str, str]) -> None:
    """Add verbs, `app.past_tense`, each with a sentence for people; registering one again replaces it."""
    _verbs.update(verbs)


def audit_verbs() -> Mapping[str, str]:
    """Return every registered verb with its sentence."""
    return MappingProxyType(_verbs)


def describe_verb(verb: str) -> str:
    """Return the sentence of a verb; one of an app that is gone says itself."""
    return _verbs.get(verb, verb)
