"""The one palette of the charts: what each colour is in light, and what charts.css makes of it in dark.

The series' colours are Okabe and Ito's, for readers who do not tell all colours apart, darkened to hold 4.5:1 against
white, since a series' name has its colour.
"""

from __future__ import annotations

INK = "#1d1d1d"
GREY = "#6b6b6b"
GRID = "#e3e3e3"
GROUND = "#ffffff"
PALE = "#a9c8e6"
COLOURS = ("#0b4f8a", "#b3460b", "#00705a", "#7b3f8c", "#5f5f5f")
# Dashes tell the lines apart without colour.
DASHES = ((1, 0), (7, 4), (2, 3), (10, 3, 2, 3), (16, 5))

DARK = {
    INK: "#ededed",
    GREY: "#a9b0b8",
    GRID: "#333a43",
    GROUND: "#14181e",
    PALE: "#1f4d78",
    COLOURS[0]: "#7db7ee",
    COLOURS[1]: "#f0935a",
    COLOURS[2]: "#4fc3a1",
    COLOURS[3]: "#cf9be0",
    COLOURS[4]: "#b5b5b5",
}
