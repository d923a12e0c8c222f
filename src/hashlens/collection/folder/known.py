"""What the catalogue of a folder knows of images."""

from collections.abc import Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING

from hashlens.collection.folder.pictures import kept_picture
from hashlens.collection.folder.records import files_of_content, item_at, row_of_content
from hashlens.collection.sorting import Stored

if TYPE_CHECKING:
    from hashlens.data.candidates import Candidate


class FolderKnown:
    """Answers from the catalogue, under the writer lock."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def look_up(self, candidates: "Sequence[Candidate]") -> None:
        """Do nothing: SQLite answers at once."""

    def item_at(self, path: str, has_file: bool) -> Stored | None:
        """Read the live item at a path, or of a name where it has no file."""
        return item_at(self._db, path, has_file)

    def row_of_content(self, content_hash: bytes) -> int | None:
        """Find the row of an image with these bytes, if any item has or had them."""
        return row_of_content(self._db, content_hash)

    def files_of_content(self, content_hash: bytes) -> list[tuple[int, str]]:
        """Ids and paths of the live items that are files with these bytes."""
        return files_of_content(self._db, content_hash)

    def has_picture(self, content_hash: bytes) -> bool:
        """Tell whether a picture of this content is kept."""
        return kept_picture(self._db, content_hash) is not None
