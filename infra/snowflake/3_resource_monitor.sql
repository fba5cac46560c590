-- Only this role may make resource monitors.
USE ROLE ACCOUNTADMIN;

-- It tells, and does not suspend: without a warehouse every file's attempts run out, and somebody has to redrive them.
-- One that is there stays as it is.
CREATE RESOURCE MONITOR IF NOT EXISTS %(monitor)s WITH CREDIT_QUOTA = %(credits)s
TRIGGERS
ON 50 PERCENT DO NOTIFY
ON 80 PERCENT DO NOTIFY
ON 100 PERCENT DO NOTIFY;

ALTER WAREHOUSE %(warehouse)s SET RESOURCE_MONITOR = %(monitor)s;

ALTER WAREHOUSE %(matcher_warehouse)s SET RESOURCE_MONITOR = %(monitor)s;
