"""The soak: the real daemon through hundreds of thousands of polls in sped-up time, and what grows meanwhile."""
