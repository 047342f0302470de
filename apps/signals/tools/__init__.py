"""What programs and models reach of signals over MCP."""

from typing import Any, Final

from apps.common.tools import Resource, Tool
from apps.signals.tools import acting, facts, reading, reasons

SIGNAL_RESOURCE: Final = Resource(
    app="signals",
    type="signal",
    title="Signal",
    description="An entity of a metric: how it compares, its months, and where it stands in triage.",
    permission="signals.view",
    rows=reading.visible_signals,
    name_of=lambda row: str(row.description),
    content_of=facts.detail_of,
    # There may be 100,000; signals_list finds them.
    is_listed=False,
)
TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        name="signals_list",
        title="Signals",
        description="Find the organization's signals by text, place, metric, type, status or assignee, the"
        " most severe first.",
        permission="signals.view",
        arguments=reading.SignalsWanted,
        result=facts.SignalPage,
        call=reading.list_signals,
    ),
    Tool(
        name="signals_get",
        title="One signal",
        description="Return a signal with its figures, months and where it stands in triage.",
        permission="signals.view",
        arguments=reading.SignalNamed,
        result=facts.SignalDetail,
        call=reading.get_signal,
    ),
    Tool(
        name="signals_explain",
        title="Why a signal is one",
        description="Return why a signal has its type and severity: rules, figures with their places in the"
        " files, and what would change the type.",
        permission="signals.view",
        arguments=reading.SignalNamed,
        result=reasons.Explanation,
        call=reasons.explain,
    ),
    Tool(
        name="signals_history",
        title="A signal over the runs",
        description="Return what each run said of a signal, with the line of the file that says it.",
        permission="signals.view",
        arguments=reasons.HistoryWanted,
        result=reasons.History,
        call=reasons.list_history,
    ),
    Tool(
        name="signals_contributions",
        title="What a signal is made of",
        description="Return what the parts of a signal contribute to it, by the size of their excess, and it"
        " to its parent.",
        permission="signals.view",
        arguments=reasons.ContributionsWanted,
        result=reasons.ContributionFacts,
        call=reasons.list_contributions,
    ),
    Tool(
        name="signals_runs",
        title="Runs",
        description="List the analytics runs that signals come from, the newest first, and how far each has"
        " come.",
        permission="signals.view",
        arguments=reading.RunsWanted,
        result=facts.RunPage,
        call=reading.list_runs,
    ),
    Tool(
        name="signals_assign",
        title="Give a signal to somebody",
        description="Take a new signal, or give one to a member under a role type; to others with the"
        " permission signals.assign, or what is yours.",
        permission="signals.work",
        arguments=acting.Assigning,
        result=facts.WorkflowFacts,
        call=acting.assign_signal,
        writes=True,
    ),
    Tool(
        name="signals_move",
        title="Move a signal",
        description="Move a signal to in_progress, assigned, resolved or closed; a refusal names in `allowed`"
        " where it can be moved to.",
        permission="signals.work",
        arguments=acting.Moving,
        result=facts.WorkflowFacts,
        call=acting.move_signal,
        writes=True,
    ),
    Tool(
        name="signals_comment",
        title="Comment on a signal",
        description="Write a comment on a signal in Markdown.",
        permission="signals.work",
        arguments=acting.Commenting,
        result=facts.CommentFacts,
        call=acting.comment_signal,
        writes=True,
    ),
)
