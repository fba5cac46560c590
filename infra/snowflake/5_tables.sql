-- The tables themselves are in functions/audiodup/sql/schema/ and follow here.
USE ROLE %(owner)s;

USE WAREHOUSE %(warehouse)s;

USE SCHEMA %(database)s.%(schema)s;
