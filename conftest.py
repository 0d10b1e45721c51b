"""Loaded by pytest for tests and notebooks alike: tests/run_notebooks.py makes notebooks tests."""

pytest_plugins = ["run_notebooks"]
