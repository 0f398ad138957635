"""The engine that this machine can use; Papermill loads it for the name `assistansboken`."""

from analysis.publish.running.processes import CAN_FORK

if CAN_FORK:
    from analysis.publish.running.engine import ForkEngine as Engine
else:
    from analysis.publish.running.warm import WarmKernelEngine as Engine

__all__ = ["Engine"]
