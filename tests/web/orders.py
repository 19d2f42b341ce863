"""What is ordered in the web tests."""

from __future__ import annotations

ORDER = {"number": "A-1", "amount": "85.00", "email": "customer@example.com"}
