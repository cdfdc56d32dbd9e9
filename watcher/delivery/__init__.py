"""Telling people: what a message says (`render`), which addresses can be used (`addresses`), one send (`sender`)."""

from watcher.delivery.addresses import check_address, masked
from watcher.delivery.render import Look, Rendered, render
from watcher.delivery.sender import Sender

__all__ = ["Look", "Rendered", "Sender", "check_address", "masked", "render"]
