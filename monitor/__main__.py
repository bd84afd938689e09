"""``python -m monitor`` is ``balance-monitor``."""

from monitor.cli import main

main()
