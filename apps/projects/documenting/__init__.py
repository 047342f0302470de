"""Code jobs: what is asked, which files it concerns, what the engines say, and the results.

wishes      what somebody asked for
sources     the files of a manifest that a job may read
structural  the engine that counts and lists, and never words a result as understanding
external    the engine that asks a language model, through redaction
job         the job that carries a wish out
"""
