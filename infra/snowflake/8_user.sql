USE ROLE USERADMIN;

CREATE USER IF NOT EXISTS %(user)s TYPE = SERVICE;

-- SERVICE: no password signs in. Without secondary roles a session has one role and nothing else.
ALTER USER %(user)s SET
TYPE = SERVICE
DEFAULT_ROLE = %(user_role)s
DEFAULT_SECONDARY_ROLES = ()
DEFAULT_WAREHOUSE = %(user_warehouse)s;

GRANT ROLE %(user_role)s TO USER %(user)s;
