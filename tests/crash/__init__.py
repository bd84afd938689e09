"""The crash rig: the real daemon, killed at random and at chosen moments while its channels flap.

It compares what receivers got with what happened, and what is left in the database with the same story without kills.
"""
