"""What Prometheus and the charts are told, read from the ledger and its counters: right after any crash."""
