"""Which names of a collection came from which archive, as rows in SQLite.

An archive is known by the name of its file: all that a file holds, archives in it included, counts as its own. A row
stays when its document is retired, so that removing the archive finds the earlier versions too.
"""

from collections.abc import Collection, Iterable

from retrieval.database import Database, batched, marks

_AT_ONCE = 500
_LIVING = (
    "(EXISTS (SELECT 1 FROM documents d WHERE d.collection = members.collection AND d.name = members.name"
    " AND d.retired_at IS NULL) OR EXISTS"
    " (SELECT 1 FROM aliases a WHERE a.collection = members.collection AND a.name = members.name))"
)
_ON_THE_WAY = (
    "EXISTS (SELECT 1 FROM jobs WHERE jobs.state IN ('queued', 'extracting', 'embedding') AND jobs.owner IS NULL"
    " AND jobs.archive = members.archive AND jobs.collection = members.collection)"
)


class Members:
    """The table of members. Writing is done inside the caller's transaction."""

    def __init__(self, database: Database):
        self._database = database

    def archive(self, name: str, collection: str) -> str:
        """The archive from which this name came; empty where it came from none, or is leaving it."""
        query = "SELECT archive FROM members WHERE collection = ? AND name = ? AND NOT leaving"
        rows = self._database.all(query, collection, name)
        return str(rows[0][0]) if rows else ""

    def set(self, name: str, collection: str, archive: str) -> None:
        """Remembers that this name came from an archive, or, where that is empty, from none."""
        if archive:
            self._database.all(
                "INSERT OR REPLACE INTO members (collection, name, archive) VALUES (?, ?, ?)", collection, name, archive
            )
        else:
            self.forget([name], collection)

    def forget(self, names: Iterable[str], collection: str) -> None:
        """Forgets where these names came from."""
        for some in batched(names, _AT_ONCE):
            query = f"DELETE FROM members WHERE collection = ? AND name IN ({marks(some)})"  # noqa: S608
            self._database.all(query, collection, *some)

    def move(self, names: Collection[str], collection: str, to: str) -> None:
        """Follows the names of a document into another collection."""
        self.forget(names, to)
        for some in batched(names, _AT_ONCE):
            query = f"UPDATE members SET collection = ? WHERE collection = ? AND name IN ({marks(some)})"  # noqa: S608
            self._database.all(query, to, collection, *some)

    def names(self, archive: str, collection: str, *, living: bool = False) -> list[str]:
        """All names that came from an archive, or those under which a document is found."""
        where = f"archive = ? AND collection = ?{f' AND {_LIVING}' if living else ''} ORDER BY name"
        return [row[0] for row in self._database.all(f"SELECT name FROM members WHERE {where}", archive, collection)]  # noqa: S608

    def archives(self, collection: str | None = None) -> list[tuple[str, str]]:
        """The archives, by name and collection, from which a document came, besides one of the archive's own name."""
        where, values = ("", ()) if collection is None else ("collection = ? AND ", (collection,))
        query = f"SELECT DISTINCT archive, collection FROM members WHERE {where} name <> archive AND {_LIVING}"  # noqa: S608
        return [(row[0], row[1]) for row in self._database.all(query, *values)]

    def mark_leaving(self, names: Iterable[str], collection: str) -> None:
        """Says that these names are in the newest version of their archive no more."""
        self._database.many(
            "UPDATE members SET leaving = 1 WHERE collection = ? AND name = ?", ((collection, name) for name in names)
        )

    def left(self) -> list[tuple[str, str]]:
        """The archives, by name and collection, of which names are leaving and nothing is on its way any more."""
        query = f"SELECT DISTINCT archive, collection FROM members WHERE leaving AND NOT {_ON_THE_WAY}"  # noqa: S608
        return [(row[0], row[1]) for row in self._database.all(query)]

    def let_leave(self, archive: str, collection: str) -> list[str]:
        """The names that are leaving an archive, from now on gone."""
        query = "UPDATE members SET leaving = 0 WHERE leaving AND archive = ? AND collection = ? RETURNING name"
        return [row[0] for row in self._database.all(query, archive, collection)]
