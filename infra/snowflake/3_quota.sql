-- Where a quota was asked for: what is given here is all that the monitor has.
ALTER RESOURCE MONITOR %(monitor)s SET
CREDIT_QUOTA = %(credits)s
TRIGGERS
ON 50 PERCENT DO NOTIFY
ON 80 PERCENT DO NOTIFY
ON 100 PERCENT DO %(at_quota)s;
