"""How a call to a foreign host fails. What of the network lies behind a name is never told."""

from apps.common.errors import DomainError, Invalid, Unavailable


class OutboundBlocked(Invalid):
    """This address may not be called.

    It must be an https address on port 443 or 80 of a public host, without a user or password in it, and an
    IP address must be written in its usual form.
    """

    code = "outbound.blocked"


class OutboundFailed(DomainError):
    """The other host could not be reached, or did not answer as it should.

    It may be down, slow, unknown, or not a public host; which of them, only the operators' log tells.
    """

    code = "outbound.failed"


class AnswerTooLarge(OutboundFailed):
    """The other host answered with more than is taken."""


class CircuitOpen(Unavailable):
    """The other host failed repeatedly and is left alone for a minute."""

    code = "outbound.circuit_open"
