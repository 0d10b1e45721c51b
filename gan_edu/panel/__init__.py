"""Panels: what moves while it trains."""
