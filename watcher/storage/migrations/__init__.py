"""Alembic's environment and the revisions; run by `watcher db upgrade`."""
