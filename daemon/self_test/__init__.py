"""`myna doctor --gpu`, the program: the checks of `engines/self_test` in turn, what NVML tells, and the words. It works
beside no daemon: both would want the card."""
