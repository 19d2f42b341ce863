"""This project beside what a user would pick instead: `make bench`, `python -m tests.benchmarks.compare --help`."""
