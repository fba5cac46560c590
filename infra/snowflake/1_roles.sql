-- Each step below shows what its own role may do, without what the person's other roles would add.
USE SECONDARY ROLES NONE;

USE ROLE USERADMIN;

-- Owns tables, views and the stage; who runs `make schema` takes it.
CREATE ROLE IF NOT EXISTS %(owner)s;

-- The functions' and the command lines'.
CREATE ROLE IF NOT EXISTS %(role)s;

-- For people who read the results and say what is a duplicate.
CREATE ROLE IF NOT EXISTS %(librarian)s;

-- So that administrators reach what it owns, and can take it below.
GRANT ROLE %(owner)s TO ROLE SYSADMIN;
