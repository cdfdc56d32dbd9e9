"""What the product decides and why: pure functions over frozen values; no I/O and no clock in here."""
