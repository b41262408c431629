"""Packages: a dataset or a version in one file (`NAME.myna.tar.zst`) that travels from one home to another. What the
file is, and what makes one that cannot be one of ours. Standard library and zstandard only: the server looks into
packages, too."""
