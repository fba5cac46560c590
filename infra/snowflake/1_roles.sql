-- Each step below shows what its own role may do, without what the person's other roles would add.
USE SECONDARY ROLES NONE;

USE ROLE USERADMIN;

-- Owns tables, views and the stage; who runs `make schema` takes it.
CREATE ROLE IF NOT EXISTS %(owner)s;

-- The functions' roles, one for each duty. Those that take in outcomes run decoders on files of strangers: what breaks
-- out of one can append to the inbox, and no more.
CREATE ROLE IF NOT EXISTS %(ingest)s;

CREATE ROLE IF NOT EXISTS %(scheduler)s;

CREATE ROLE IF NOT EXISTS %(matcher)s;

-- The review page's: it reads what it shows, and writes nothing but what people say. It decodes files, too, for their
-- waveforms: what breaks out there can read results and append reviews.
CREATE ROLE IF NOT EXISTS %(reviewer)s;

-- The command lines': they do what the functions do, and some things besides.
CREATE ROLE IF NOT EXISTS %(role)s;

-- For people who read the results and say what is a duplicate.
CREATE ROLE IF NOT EXISTS %(librarian)s;

GRANT ROLE %(ingest)s TO ROLE %(role)s;

GRANT ROLE %(scheduler)s TO ROLE %(role)s;

GRANT ROLE %(matcher)s TO ROLE %(role)s;

GRANT ROLE %(reviewer)s TO ROLE %(role)s;

-- So that administrators reach what they own, and can take them below.
GRANT ROLE %(owner)s TO ROLE SYSADMIN;

GRANT ROLE %(role)s TO ROLE SYSADMIN;

GRANT ROLE %(librarian)s TO ROLE SYSADMIN;
