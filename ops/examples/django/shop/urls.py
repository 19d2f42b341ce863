"""Two checkouts: one that cannot lose an event, and one that writes nothing into the database for it."""

from django.contrib import admin
from django.urls import path

from . import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("orders", views.order),
    path("quick-orders", views.quick_order),
]
