"""What an exported folder says of itself, for machines: ``lnbench_plan.json``."""

from __future__ import annotations

PLAN_FILE = "lnbench_plan.json"
