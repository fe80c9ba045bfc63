"""Clusters and the connection test."""

from datetime import datetime

from django.utils.translation import gettext

from imadmin.api.schemas.common import Out
from imadmin.clusters.queries import ClusterCard
from imadmin.gateway.types import ProbeReport, ProbeStep


class ClusterOut(Out):
    """address: only for owners, else empty.  environment: production | staging | test."""

    slug: str
    name: str
    kind: str
    environment: str
    is_demo: bool
    address: str

    @classmethod
    def of(cls, card: ClusterCard) -> "ClusterOut":
        return cls(
            slug=card.slug,
            name=card.name,
            kind=card.kind,
            environment=card.environment,
            is_demo=card.is_demo,
            address=card.address,
        )


class ClusterDetailOut(ClusterOut):
    """permissions: what this token may do here.  capabilities: what this kind of server can do."""

    permissions: list[str]
    capabilities: list[str]


class StepOut(Out):
    """result: ok | warn | bad | off (not tried)."""

    code: str
    result: str
    tried: str
    found: str
    hint: str = ""

    @classmethod
    def of(cls, step: ProbeStep) -> "StepOut":
        def words(template: str) -> str:
            text = gettext(template) if template else ""
            return text % step.params if text and step.params else text

        return cls(
            code=step.code,
            result=step.result.value,
            tried=words(step.tried),
            found=words(step.found),
            hint=words(step.hint),
        )


class ReportOut(Out):
    """is_usable: no step is bad."""

    is_usable: bool
    steps: list[StepOut]
    as_of: datetime

    @classmethod
    def of(cls, report: ProbeReport) -> "ReportOut":
        return cls(is_usable=report.is_usable, steps=[StepOut.of(step) for step in report.steps], as_of=report.as_of)
