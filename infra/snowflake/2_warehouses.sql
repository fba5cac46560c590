USE ROLE SYSADMIN;

-- The size is given once: a warehouse that somebody has made larger stays so.
CREATE WAREHOUSE IF NOT EXISTS %(warehouse)s
WAREHOUSE_SIZE = XSMALL
INITIALLY_SUSPENDED = TRUE;

-- A statement that the functions have given up, or whose function was killed, does not go on for two days.
ALTER WAREHOUSE %(warehouse)s SET
AUTO_SUSPEND = 60
AUTO_RESUME = TRUE
STATEMENT_TIMEOUT_IN_SECONDS = %(statement_seconds)s;

-- The matcher's: its joins neither hold up outcomes and ticks, nor do these need the size that it may want one day.
CREATE WAREHOUSE IF NOT EXISTS %(matcher_warehouse)s
WAREHOUSE_SIZE = XSMALL
INITIALLY_SUSPENDED = TRUE;

ALTER WAREHOUSE %(matcher_warehouse)s SET
AUTO_SUSPEND = 60
AUTO_RESUME = TRUE
STATEMENT_TIMEOUT_IN_SECONDS = %(statement_seconds)s;

GRANT USAGE ON WAREHOUSE %(warehouse)s TO ROLE %(owner)s;

GRANT USAGE ON WAREHOUSE %(warehouse)s TO ROLE %(ingest)s;

GRANT USAGE ON WAREHOUSE %(warehouse)s TO ROLE %(scheduler)s;

GRANT USAGE ON WAREHOUSE %(warehouse)s TO ROLE %(reviewer)s;

GRANT USAGE ON WAREHOUSE %(warehouse)s TO ROLE %(librarian)s;

GRANT USAGE ON WAREHOUSE %(matcher_warehouse)s TO ROLE %(matcher)s;
