"""A simulated Legnext API: the balance endpoint, accounts that live by a script, and faults that can be switched."""

from monitor.simulator.scenario import Account, Step, names, scenario
from monitor.simulator.simulator import Simulator
from monitor.simulator.story import Change, Mistake, Story, UnknownAccount

__all__ = ["Account", "Change", "Mistake", "Simulator", "Step", "Story", "UnknownAccount", "names", "scenario"]
