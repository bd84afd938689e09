"""balance-monitor: tells you before the money runs out.

From Python: ``get_balance``, ``aget_balance`` and ``BalanceError``, loaded when they are used; importing this is free.
"""

__version__ = "0.1.0"
__all__ = ["BalanceError", "Kind", "Reading", "__version__", "aget_balance", "get_balance"]

TYPE_CHECKING = False  # typing itself would take longer to import than all of this
if TYPE_CHECKING:
    from monitor.balance import BalanceError, Kind, Reading, aget_balance, get_balance
else:

    def __getattr__(name: str) -> object:
        """Load what is asked for."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - see above

        return getattr(import_module("monitor.balance"), name)
