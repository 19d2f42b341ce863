"""`forwarder check`: are the credentials whole, in their own fields, and taken; which hosts would be reached?"""
