"""Our `migrate`: what it does not render anew is the same as if it had been."""

from typing import Any

from django.core.management import get_commands
from django.db import models
from django.db.migrations.state import ModelState, ProjectState

from config.management.commands.migrate import noted_on_rendered_models

BOOK = ("library", "book")
INDEX = models.Index(fields=["title"], name="book_title")
UNIQUE = models.UniqueConstraint(fields=["title"], name="book_unique")


def with_two_models() -> ProjectState:
    """Return a rendered state with a model and one that refers to it."""
    state = ProjectState()
    state.add_model(
        ModelState(*BOOK, [("id", models.AutoField(primary_key=True)), ("title", models.TextField())])
    )
    loan: list[tuple[str, Any]] = [
        ("id", models.AutoField(primary_key=True)),
        ("book", models.ForeignKey("library.book", models.CASCADE)),
    ]
    state.add_model(ModelState("library", "loan", loan))
    assert state.apps.get_models()  # renders them
    return state


def test_it_stands_in_for_djangos_own() -> None:
    assert get_commands()["migrate"] == "config"


def test_an_index_and_a_constraint_are_on_the_model_as_if_it_was_rendered_anew() -> None:
    ours, djangos = with_two_models(), with_two_models()
    loan = ours.apps.get_model("library", "loan")

    with noted_on_rendered_models():
        ours.add_index(*BOOK, INDEX)
        ours.add_constraint(*BOOK, UNIQUE)
    djangos.add_index(*BOOK, INDEX)
    djangos.add_constraint(*BOOK, UNIQUE)

    assert ours == djangos
    metas = [state.apps.get_model(*BOOK)._meta for state in (ours, djangos)]
    assert metas[0].indexes == metas[1].indexes == [INDEX]
    assert metas[0].constraints == metas[1].constraints == [UNIQUE]
    assert list(metas[0].total_unique_constraints) == list(metas[1].total_unique_constraints) == [UNIQUE]
    assert ours.apps.get_model("library", "loan") is loan


def test_djangos_own_way_is_back_afterwards() -> None:
    before = ProjectState.add_index, ProjectState.add_constraint

    with noted_on_rendered_models():
        pass

    assert (ProjectState.add_index, ProjectState.add_constraint) == before
