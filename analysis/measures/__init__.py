"""Pure computation: a Municipality in, a Result out. No Swedish formatting, no files, no charts."""
