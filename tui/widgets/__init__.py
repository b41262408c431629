"""Widgets: one a file, each with its own CSS, bindings and words. They draw what they are given and know no daemon."""
