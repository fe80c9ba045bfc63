"""Mass operations of a cluster: plans, what runs, what is over; and planning to move slots."""

from django.urls import URLPattern, path

from imadmin.web.views import operations, slot_moves

ONE = "c/<slug:slug>/operations/<slug:operation_id>/"

urlpatterns: list[URLPattern] = [
    path("c/<slug:slug>/operations/", operations.listing, name="operations"),
    path(ONE, operations.operation, name="operation"),
    path(f"{ONE}apply/", operations.apply, name="operation-apply"),
    path(f"{ONE}pause/", operations.pause, name="operation-pause"),
    path(f"{ONE}resume/", operations.resume, name="operation-resume"),
    path(f"{ONE}stop/", operations.stop, name="operation-stop"),
    path(f"{ONE}discard/", operations.discard, name="operation-discard"),
    path(f"{ONE}again/", operations.again, name="operation-again"),
    path(f"{ONE}csv/", operations.as_csv, name="operation-csv"),
    path("c/<slug:slug>/slots/move/", slot_moves.move, name="slot-move"),
    path("c/<slug:slug>/slots/balance/", slot_moves.balance, name="slot-balance"),
]
