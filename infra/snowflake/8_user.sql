USE ROLE USERADMIN;

CREATE USER IF NOT EXISTS %(user)s TYPE = SERVICE;

-- SERVICE: no password signs in. Without secondary roles it has the one role and nothing else.
ALTER USER %(user)s SET
TYPE = SERVICE
DEFAULT_ROLE = %(role)s
DEFAULT_SECONDARY_ROLES = ()
DEFAULT_WAREHOUSE = %(warehouse)s;

GRANT ROLE %(role)s TO USER %(user)s;
