<<<<<<< HEAD
"""Commands of signals."""
=======
"""Management commands of signals."""
>>>>>>> h/a
