"""`forwarder check`: whether the credentials are whole, in their fields, and taken, and which hosts would be reached."""
