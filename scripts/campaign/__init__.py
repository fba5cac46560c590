"""The fault campaign of `make chaos`: a plan made by a seed, a run of the local stack under it, an audit, a report."""
