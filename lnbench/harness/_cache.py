"""A fence around lm-eval's response cache, which is keyed by the request alone.

lm-eval's ``CachingLM`` looks answers up in an ``SqliteDict`` that it shares with the model through the cache hook. Each
output key gets a table of its own in that database, and the shared object is pointed at the table of the condition that
the model is in: lookups and writes of both sides go there, and ``--model hf`` never reads what lnbench wrote.
"""

from __future__ import annotations

import weakref
from typing import Any

from lnbench.errors import CacheError


class CacheFence:
    """Keeps every response cache that was ever attached to one model on the table of the model's output key."""

    def __init__(self) -> None:
        self._databases: list[weakref.ref[Any]] = []

    def attach(self, database: Any, key: str) -> None:
        """Fence a database from now on.

        Raises:
            CacheError: it is no ``SqliteDict``, so nothing says how its answers could be kept apart.
        """
        if not hasattr(database, "tablename") or not hasattr(database, "conn"):
            raise CacheError(
                f"a response cache of type {type(database).__name__!r} cannot keep the answers of two conditions "
                "apart; run without --use_cache"
            )
        self._databases.append(weakref.ref(database))
        _turn_to(database, key)

    def move(self, key: str) -> None:
        """Point every attached database that is still open at the table of ``key``."""
        for database in self._open():
            _turn_to(database, key)

    @property
    def in_use(self) -> bool:
        """Whether a database is attached, so that an output key is needed."""
        return bool(self._open())

    def _open(self) -> list[Any]:
        attached = [reference() for reference in self._databases]
        return [database for database in attached if database is not None and database.conn is not None]


def _turn_to(database: Any, key: str) -> None:
    table = f"lnbench_{key}"
    database.conn.execute(f'CREATE TABLE IF NOT EXISTS "{table}" (key TEXT PRIMARY KEY, value BLOB)')
    database.commit()
    database.tablename = table
