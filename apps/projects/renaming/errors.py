"""What a rename raises."""

from apps.common.errors import Conflict, Invalid


class NewNameInvalid(Invalid):
    """The new name is no identifier, or a keyword."""

    code = "projects.new_name_invalid"


class SymbolNotFound(Invalid):
    """There is no symbol at this place or of this name; `candidates` are some that are near."""

    code = "projects.symbol_not_found"


class SymbolAmbiguous(Invalid):
    """Several symbols are meant by this; `candidates` says which."""

    code = "projects.symbol_ambiguous"


class LanguageNotSupported(Invalid):
    """Renames by meaning are for Python; by equal identifiers, for the languages of the structural engine."""

    code = "projects.language_not_supported"


class RenameConflict(Conflict):
    """The selection would break code, or its file is not what was looked at."""

    code = "projects.rename_conflict"
