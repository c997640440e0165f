import os
import uuid

from django.db import connection
from django.http import HttpResponse
from django.shortcuts import render

from .models import Delivery, Order
from .tasks import deliver


def home(request):
    context = {
        "color": os.environ.get("BLUEGREEN", "no slot"),
        "commit": os.environ.get("DEPLOYER_COMMIT_SHORT", "no commit"),
        "orders": Order.objects.count(),
        "deliveries": Delivery.objects.count(),
    }
    return render(request, "home.html", context)


def order(request):
    placed = Order.objects.create(number=uuid.uuid4())
    # Outside of a transaction the order is there before any worker looks for it; inside, use transaction.on_commit.
    deliver.delay(str(placed.number))
    return HttpResponse(f"ordered {placed.number} from {os.environ.get('BLUEGREEN', 'no slot')}\n", content_type="text/plain")


def health(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
