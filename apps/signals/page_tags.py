"""Template filters of the signal pages; templates load them as `signal_pages`."""

from typing import Final

from django import template

register = template.Library()

# Decimals of larger numbers say nothing to people.
WHOLE_FROM: Final = 1_000
NONE: Final = "–"  # noqa: RUF001 - a dash for "none"
MINUS: Final = "\N{MINUS SIGN}"
WORKFLOW_TONES: Final = {
    "new": "warn",
    "assigned": "busy",
    "in_progress": "busy",
    "resolved": "good",
    "closed": "",
}


@register.filter
def words(code: str) -> str:
    """Show a code as words: `chronic_underperformer` as "Chronic underperformer"."""
    text = str(code).replace("_", " ")
    return text[:1].upper() + text[1:]


@register.filter
def figure(value: float | str | None) -> str:
    """Show a number with four significant digits and thousands separators; a code as words, yes or no."""
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return words(value)
    if abs(value) >= WHOLE_FROM:
        return _minus(f"{value:,.0f}")
    return _minus(f"{value:.0f}" if float(value).is_integer() else f"{value:#.4g}".rstrip("."))


@register.filter
def signed(value: float | str | None) -> str:
    """Show a number with its sign and two decimals."""
    return _minus(f"{value:+,.2f}") if isinstance(value, int | float) else NONE


@register.filter
def signed_small(value: float | str | None) -> str:
    """Show a small number with its sign and four decimals."""
    return _minus(f"{value:+.4f}") if isinstance(value, int | float) else NONE


@register.filter
def signed_whole(value: int) -> str:
    """Show a whole number with its sign."""
    return _minus(f"{value:+d}")


@register.filter
def per_cent(part: float | str | None) -> str:
    """Show a share of one in per cent."""
    return f"{100 * part:.1f} %" if isinstance(part, int | float) else NONE


@register.filter
def workflow_tone(status: str) -> str:
    """Return the colour family of a workflow status."""
    return WORKFLOW_TONES.get(status, "")


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
