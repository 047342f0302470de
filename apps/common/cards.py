"""The overview's cards: each app registers its own in `AppConfig.ready()` and serves it as a fragment."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """One card: the URL name of its fragment, the permission it needs, the live topics that refresh it."""

    title: str
    url_name: str
    permission: str
    topics: tuple[str, ...] = ()
    order: int = 100


_cards: dict[str, Card] = {}


def register_card(card: Card) -> None:
    """Add a card; registering the same fragment again replaces it."""
    _cards[card.url_name] = card


def visible_cards(may: Callable[[str], bool]) -> list[Card]:
    """Return the cards whose permission `may` grants, in their order."""
    granted = (card for card in _cards.values() if may(card.permission))
    return sorted(granted, key=lambda card: (card.order, card.title))
