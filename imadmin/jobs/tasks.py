"""The one Celery task: a message carries the id of a row, nothing else."""

from celery import shared_task

from imadmin.jobs import work


@shared_task(name="imadmin.run", ignore_result=True)  # type: ignore[untyped-decorator]
def run(run_id: str) -> None:
    """Carry out that run, if it still waits and this process has a place for it."""
    work.execute(run_id)
