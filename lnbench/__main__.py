"""``python -m lnbench`` is the ``lnbench`` command."""

from lnbench.cli import main

main()
