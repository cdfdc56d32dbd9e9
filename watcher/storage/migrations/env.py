"""Run migrations on the connection that `watcher.storage.schema` hands over, inside its transaction."""

from alembic import context

from watcher.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
