"""A finished book as one document: an accessible PDF and a Word file, with what its pages show."""
