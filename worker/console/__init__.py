"""The console: the operator's web page, over the same functions as the command line."""
