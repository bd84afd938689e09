"""Proofs on the real thing: a booted systemd, a real container engine. They need root and packages of Debian's."""
