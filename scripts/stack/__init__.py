"""Stand-ins that let the whole cloud system run on one machine: Pub/Sub, S3 and its provider's API, Snowflake.

Each binds 127.0.0.1 only and runs in a process of its own that `processes.Processes` starts and stops.
"""
