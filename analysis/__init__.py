"""Assistansboken: what personlig assistans costs a municipality, computed so that anyone can recompute it.

The layers import one way only: sources -> measures -> present -> publish (see docs/architecture.md).
"""

__version__ = "0.6.0"
