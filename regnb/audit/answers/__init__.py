"""Answers: questions about bytes and contents, each with a table."""
