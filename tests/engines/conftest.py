"""What tests of several engines share lies beside this file, which puts it on the path, also for one file run alone."""
