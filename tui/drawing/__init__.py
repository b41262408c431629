"""Pictures of data as text: what goes where in a grid of cells, known without any terminal or widget, and so tested on
the picture.

A drawing function takes values and a size and gives a `Picture`: rows of (text, role). Widgets give the roles their
colours.
"""
