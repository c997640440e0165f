from django.db import models


class Order(models.Model):
    number = models.UUIDField(unique=True)
    note = models.CharField(max_length=80, blank=True, null=True)
    placed = models.DateTimeField(auto_now_add=True)


class Delivery(models.Model):
    """What a job has done: the database itself refuses a second delivery of an order."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE)
    color = models.CharField(max_length=5)
    done = models.DateTimeField(auto_now_add=True)


class Tick(models.Model):
    """One run of what Celery beat is for."""

    process = models.CharField(max_length=80)
    at = models.DateTimeField(auto_now_add=True)
