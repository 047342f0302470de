"""An event is told once, however often what it tells is done again."""

import datetime as dt
from typing import Any

from apps.signals.models import Event
from apps.signals.policies import policy_of, relapse_rule, role_types_of
from apps.signals.states import EventType
from apps.signals.triage.events import NewEvent, write_event, write_events
from tests.furniture.people import Actors

NOW = dt.datetime(2026, 4, 15, 12, tzinfo=dt.UTC)


def test_the_same_event_written_twice_is_one_row(actors: Actors) -> None:
    fields: dict[str, Any] = {"event_type": EventType.COMMENT, "occurred_at": NOW}
    fields["organization_id"] = actors.organization.pk
    assert write_event(**fields, actor=actors.analyst.user, payload={"n": 1}, dedupe_key="a")
    assert not write_event(**fields, payload={"n": 2}, dedupe_key="a")
    event = Event.objects.get()
    assert (event.payload, event.actor, event.occurred_at) == ({"n": 1}, actors.analyst.user, NOW)
    assert event.pk.version == 7


def test_organizations_do_not_share_keys_and_a_batch_counts_what_is_new(actors: Actors) -> None:
    events = [NewEvent(EventType.TECHNICAL_ERROR, NOW, key) for key in ("a", "b", "a")]
    assert write_events(actors.organization.pk, events) == 2
    assert write_events(actors.organization.pk, events) == 0
    stranger = actors.stranger.organization
    assert stranger is not None
    assert write_events(stranger.pk, events) == 2
    assert write_events(stranger.pk, []) == 0


def test_policies_and_role_types_are_made_when_first_asked_for(actors: Actors) -> None:
    policy = policy_of(actors.organization)
    assert policy_of(actors.organization).pk == policy.pk
    assert relapse_rule(policy, "emerging_risk") == (2, 3)
    assert relapse_rule(policy, "critical_trajectory") == (1, 1)
    codes = ["administration", "clinical_leadership", "nursing_leadership"]
    assert [role.code for role in role_types_of(actors.organization)] == codes
    assert [role.code for role in role_types_of(actors.organization)] == codes
