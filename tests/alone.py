"""Commands in a network of their own, and Ray clusters there."""

from __future__ import annotations

import shutil
import subprocess

#: Ray's own settings of a cluster that sees within some seconds that a node is dead.
QUICK = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 1000, "health_check_failure_threshold": 3}


def alone(command: list[str]) -> list[str]:
    """The command in a network of its own that has loopback only, where the machine lets us make one."""
    tool = shutil.which("unshare")
    allowed = tool and subprocess.run([tool, "-n", "true"], capture_output=True, check=False).returncode == 0
    return [str(tool), "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", *command] if allowed else command
