"""What is wrong with stored bytes."""


class CorruptPayload(ValueError):
    """Stored bytes are not what was written, or a newer release wrote them; the message says which."""
