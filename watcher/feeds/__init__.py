"""Everything between a feed's address and plain entries: asking over HTTP, and reading what came back.

Nothing in here decides when to ask, stores anything, or knows about watch items.
"""
