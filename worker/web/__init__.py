"""What the HTTP servers of operators share: the server and its limits, who may ask, how often one may be wrong."""
