"""A stand-in for Rokt's APIs, for development and tests: `python -m worker.sandbox`.

It imports nothing of the rest of the project, so that a misreading of Rokt's documents on one side is not repeated on
the other. Each API is one module, registered in `apis.py`; the recorder and the faults serve all of them.
"""
