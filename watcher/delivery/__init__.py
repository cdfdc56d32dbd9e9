"""Telling people: what a message says (`render`), which addresses can be used (`addresses`), one send (`apprise`)."""

from watcher.delivery.addresses import check_address, masked
from watcher.delivery.apprise import Sender
from watcher.delivery.render import Rendered, render

__all__ = ["Rendered", "Sender", "check_address", "masked", "render"]
