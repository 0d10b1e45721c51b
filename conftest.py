"""Loaded by pytest for tests and notebooks alike: run_notebooks.py makes notebooks tests, seconds.py says how long they took."""

pytest_plugins = ["run_notebooks", "seconds"]
