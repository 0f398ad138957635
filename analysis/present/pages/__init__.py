"""One module a chapter: functions from a Book to what a notebook cell shows."""
