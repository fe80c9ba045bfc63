"""The Celery application.  Tasks are thin (jobs/tasks.py); what they did is in JobRun rows, not in a result backend."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imadmin.settings")

from celery import Celery

app = Celery("imadmin")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["imadmin.jobs"])
