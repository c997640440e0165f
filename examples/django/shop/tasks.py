import os
import time

from celery import shared_task

from .models import Delivery, Order, Tick


def note(line):
    """Appends a line to the ledger, where there is one: so that a test can count what ran, and how often."""
    if path := os.environ.get("LEDGER"):
        ledger = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(ledger, (line + "\n").encode())
        finally:
            os.close(ledger)


@shared_task
def deliver(number):
    color = os.environ.get("BLUEGREEN", "")
    note(f"begin {number} {color}")
    time.sleep(0.05)
    # Done again after a crash, it finds that it is done.
    Delivery.objects.get_or_create(order=Order.objects.get(number=number), defaults={"color": color})
    note(f"done {number} {color}")


@shared_task
def tick():
    Tick.objects.create(process=f"{os.environ.get('BLUEGREEN', '')} {os.getpid()}")
