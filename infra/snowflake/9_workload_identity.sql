-- The subject is the service account's unique id: an address may one day belong to another account.
ALTER USER %(user)s SET WORKLOAD_IDENTITY = (TYPE = GCP SUBJECT = '%(subject)s');
