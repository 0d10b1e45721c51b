"""The engine, the panels and the recordings of the first edition, until the last lesson that uses them is rewritten."""
