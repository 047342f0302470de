"""Topics that exist in these tests alone: a thing's id begins with the id of its organization."""

from apps.common.live import Watcher, register_topic


def _is_own(watcher: Watcher, thing: str) -> bool:
    return thing.startswith(str(watcher.organization.pk))


def register_test_topics() -> None:
    """Register them in this process."""
    register_topic(pattern="test.things", permission="datasets.view")
    register_topic(pattern="test.things.<id>", permission="datasets.view", visible=_is_own)
    register_topic(pattern="test.secrets", permission="accounts.view_audit")
    register_topic(pattern="test.mine", permission="accounts.view", private=True)
