-- Functions that sign in by key pair share this user, and each takes its own role, which has to be granted to the user.
GRANT ROLE %(ingest)s TO USER %(user)s;

GRANT ROLE %(scheduler)s TO USER %(user)s;

GRANT ROLE %(matcher)s TO USER %(user)s;

GRANT ROLE %(reviewer)s TO USER %(user)s;
