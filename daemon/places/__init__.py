"""Places elsewhere that versions are pushed to and pulled from. `place.py` and `allowed.py` are values for mynad; the
rest is for workers, which alone load the libraries that speak with such places."""
