"""Pure reading: bytes in, checked events and evidence out. No Django, no I/O but the streams passed in."""
