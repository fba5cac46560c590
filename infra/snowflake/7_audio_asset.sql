-- The company's own view: it may not be there yet.
USE ROLE SECURITYADMIN;

GRANT SELECT ON VIEW %(database)s.%(schema)s.AUDIO_ASSET TO ROLE %(scheduler)s;

GRANT SELECT ON VIEW %(database)s.%(schema)s.AUDIO_ASSET TO ROLE %(matcher)s;

GRANT SELECT ON VIEW %(database)s.%(schema)s.AUDIO_ASSET TO ROLE %(reviewer)s;

-- `make schema` sees, and checks, only what its role may read.
GRANT SELECT ON VIEW %(database)s.%(schema)s.AUDIO_ASSET TO ROLE %(owner)s;

GRANT SELECT ON VIEW %(database)s.%(schema)s.AUDIO_ASSET TO ROLE %(librarian)s;
