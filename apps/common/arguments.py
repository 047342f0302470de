"""What options of commands may be, so that a wrong one is told before anything is done."""

from argparse import ArgumentTypeError


def natural(text: str) -> int:
    """Return a whole number from 0; argparse says it of anything else, and ends the command with 2."""
    try:
        number = int(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no whole number") from error
    if number < 0:
        raise ArgumentTypeError(f"{text} is less than 0")
    return number
