"""Read and validate what analysts own: the files under data/, into a Municipality."""

from analysis.sources.faults import DataError, Fault
from analysis.sources.municipality import (
    Municipality,
    default_data_directory,
    list_municipalities,
    load_municipality,
)

__all__ = [
    "DataError",
    "Fault",
    "Municipality",
    "default_data_directory",
    "list_municipalities",
    "load_municipality",
]
