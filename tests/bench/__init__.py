"""What the daemon costs, in figures of one run: ``make bench``, or ``make bench ONLY=a,d`` for some of them."""
