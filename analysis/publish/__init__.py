"""Run the chapters, build one Jupyter Book a municipality, and replace the site whole or not at all."""
