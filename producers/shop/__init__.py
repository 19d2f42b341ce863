"""What `producers.checkout` is made of: a shop's words, their formats, and how they are written for Rokt."""
