"""Measuring: answers, models and retrieval, on the command line."""
