"""`python -m worker.cli`: as `forwarder`, for programs that start it with their own interpreter."""

from worker.cli import main

main()
