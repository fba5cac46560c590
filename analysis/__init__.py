"""Studies of the fingerprint and the matcher: one question, one command each; not part of the product."""
