"""The product shown at work on one machine: real feeds, the real daemon, real receivers; nothing leaves the machine."""
