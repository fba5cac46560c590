-- Only this role may make resource monitors.
USE ROLE ACCOUNTADMIN;

CREATE RESOURCE MONITOR IF NOT EXISTS %(monitor)s WITH CREDIT_QUOTA = %(credits)s;

-- It tells, and does not suspend unless it was told to: without a warehouse every file's attempts run out, and somebody
-- has to redrive them.
ALTER RESOURCE MONITOR %(monitor)s SET
CREDIT_QUOTA = %(credits)s
TRIGGERS
ON 50 PERCENT DO NOTIFY
ON 80 PERCENT DO NOTIFY
ON 100 PERCENT DO %(at_quota)s;

ALTER WAREHOUSE %(warehouse)s SET RESOURCE_MONITOR = %(monitor)s;

ALTER WAREHOUSE %(matcher_warehouse)s SET RESOURCE_MONITOR = %(monitor)s;
