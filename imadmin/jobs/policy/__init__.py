"""Cleanup policies: their kinds (kinds.py), how one runs (engine.py), is set up (actions.py) and is shown (queries.py).

What a cleanup finds and does is told below this layer, in directory and monitor; here are caps, holds and safety.
"""
