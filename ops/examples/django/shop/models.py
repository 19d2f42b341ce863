"""What the shop sells."""

from django.db import models


class Order(models.Model):
    number = models.CharField(max_length=30, unique=True)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
