"""Every long command under every fault, in real processes: ``python -m scripts.fault_runs``."""
