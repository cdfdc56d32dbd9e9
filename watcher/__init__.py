"""Watch policy news and tell people when a watch item changes state."""

__version__ = "0.1.0"
