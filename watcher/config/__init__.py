"""The operator's files as values the rest of the product uses; every mistake in them is told in one run.

yaml       one file → data with places, ${NAME} and !file put in
checking   data → model, every mistake with its place
rules      watchlists, outlets → Rules and feeds
settings   watcher.yaml and all it names → Settings
seeds      seed files → starting states with their provenance
"""

from watcher.config.polling import Polling
from watcher.config.rules import load_rules
from watcher.config.schema import json_schema
from watcher.config.seeds import load_seeds
from watcher.config.settings import Log, Retention, Settings, Web, load

__all__ = ["Log", "Polling", "Retention", "Settings", "Web", "json_schema", "load", "load_rules", "load_seeds"]
