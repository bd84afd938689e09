"""The page, the JSON API, the metrics: whoever may look sees what the daemon knows.

Nothing of it is loaded until the daemon serves it. ``monitor.app.page`` begins, with ``serve``.
"""
