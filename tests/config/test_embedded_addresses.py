"""Where the embedded servers listen."""

from pathlib import Path

from config.embedded import addresses


def test_sockets_lie_in_the_data_folder() -> None:
    assert addresses.socket_folder(Path("/srv/sextant/var")) == Path("/srv/sextant/var/run/sockets")


def test_a_path_too_long_for_the_kernel_gets_a_short_folder_of_its_own() -> None:
    """Edge case 23."""
    long, other = Path("/srv") / ("x" * 150) / "var", Path("/srv") / ("y" * 150) / "var"

    folder = addresses.socket_folder(long)

    assert folder.name.startswith("sextant-")
    assert len(bytes(folder / ".s.PGSQL.5432")) <= addresses.SOCKET_PATH_MAX_BYTES
    assert folder == addresses.socket_folder(long)
    assert folder != addresses.socket_folder(other)


def test_the_limit_counts_bytes_and_not_characters() -> None:
    var_dir = Path("/srv") / ("ä" * 40) / "var"

    assert addresses.socket_folder(var_dir).name.startswith("sextant-")
