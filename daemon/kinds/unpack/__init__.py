"""Taking a package in: jobs of the kind "import", which is no name for a folder of Python's."""
