"""The engine that this machine can use; Papermill loads it for the name `assistansboken`."""

from analysis.publish.running.processes import CAN_FORK


def __getattr__(name: str) -> type:
    """Return the engine when it is asked for: Papermill asks while it is itself being imported."""
    if name != "Engine":
        raise AttributeError(name)
    # First, or the engine would be asked for a second time in the middle of its own import.
    import papermill  # noqa: F401

    if CAN_FORK:
        from analysis.publish.running.engine import ForkEngine

        return ForkEngine
    from analysis.publish.running.warm import WarmKernelEngine

    return WarmKernelEngine
