"""What is read from the published repository: refs, files, text, history, comparisons, searches.

paths.vet_path(...)        a path as text or key -> bytes
refs.resolve(...)          a ref as people write it -> commit
"""
