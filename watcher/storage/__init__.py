"""The database: tables, migrations and `Store`, the one door to all of them.

Rows and SQLAlchemy objects stay behind it; what comes out are the words of `watcher.domain`.
"""

from watcher.storage.store import Store

__all__ = ["Store"]
