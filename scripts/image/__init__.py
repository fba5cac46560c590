"""The container image of all functions: what it is made of, and who builds it."""
