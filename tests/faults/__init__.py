"""Channels that fail in every way, beside one that is well: the real daemon with real sockets, its clock sped up."""
