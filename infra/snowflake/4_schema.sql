-- It may grant on what others own: the database and the schema are the company's, and must be there.
USE ROLE SECURITYADMIN;

GRANT USAGE ON DATABASE %(database)s TO ROLE %(owner)s;

GRANT USAGE ON DATABASE %(database)s TO ROLE %(ingest)s;

GRANT USAGE ON DATABASE %(database)s TO ROLE %(scheduler)s;

GRANT USAGE ON DATABASE %(database)s TO ROLE %(matcher)s;

GRANT USAGE ON DATABASE %(database)s TO ROLE %(reviewer)s;

GRANT USAGE ON DATABASE %(database)s TO ROLE %(librarian)s;

GRANT USAGE, CREATE TABLE, CREATE VIEW, CREATE STAGE ON SCHEMA %(database)s.%(schema)s TO ROLE %(owner)s;

GRANT USAGE ON SCHEMA %(database)s.%(schema)s TO ROLE %(ingest)s;

GRANT USAGE ON SCHEMA %(database)s.%(schema)s TO ROLE %(scheduler)s;

GRANT USAGE ON SCHEMA %(database)s.%(schema)s TO ROLE %(matcher)s;

GRANT USAGE ON SCHEMA %(database)s.%(schema)s TO ROLE %(reviewer)s;

GRANT USAGE ON SCHEMA %(database)s.%(schema)s TO ROLE %(librarian)s;
