"""Tells by its exit code whether a password fits a hash: two lines on its input.

A process of its own: checking takes 100 MB, and the library 4 MB that the supervisor would hold all its life.
"""

import sys

import argon2


def main() -> None:
    """Exit with 0 where they fit."""
    stored, password = sys.stdin.read().splitlines()
    try:
        argon2.PasswordHasher().verify(stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        sys.exit(1)


if __name__ == "__main__":
    main()
