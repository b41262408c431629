"""Scoring a version against another one."""
