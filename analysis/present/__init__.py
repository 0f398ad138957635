"""Results in Swedish: numbers, sentences, tables and charts, as a page shows them."""
