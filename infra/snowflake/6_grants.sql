-- What the statements of functions/audiodup/sql/ need and nothing else; a test holds the one to the others. UPDATE and
-- DELETE go with SELECT, since they look for their rows.
USE ROLE SECURITYADMIN;

GRANT INSERT ON TABLE %(database)s.%(schema)s.AUDIO_FINGERPRINT_INBOX TO ROLE %(ingest)s;

GRANT SELECT, INSERT, UPDATE ON TABLE %(database)s.%(schema)s.AUDIO_FILE TO ROLE %(scheduler)s;

GRANT SELECT, INSERT, UPDATE ON TABLE %(database)s.%(schema)s.AUDIO_FINGERPRINT TO ROLE %(scheduler)s;

GRANT SELECT, INSERT, DELETE ON TABLE %(database)s.%(schema)s.AUDIO_FINGERPRINT_INBOX TO ROLE %(scheduler)s;

GRANT SELECT, INSERT, DELETE ON TABLE %(database)s.%(schema)s.AUDIO_INBOX_CLAIM TO ROLE %(scheduler)s;

GRANT SELECT, UPDATE ON TABLE %(database)s.%(schema)s.AUDIO_MERGE_LOCK TO ROLE %(scheduler)s;

GRANT SELECT ON VIEW %(database)s.%(schema)s.AUDIO_INBOX_WINNER TO ROLE %(scheduler)s;

GRANT SELECT, INSERT, DELETE ON TABLE %(database)s.%(schema)s.AUDIO_DUPLICATE TO ROLE %(matcher)s;

GRANT SELECT, INSERT, DELETE ON TABLE %(database)s.%(schema)s.AUDIO_DUPLICATE_GROUP TO ROLE %(matcher)s;

GRANT SELECT ON TABLE %(database)s.%(schema)s.AUDIO_DUPLICATE_REVIEW TO ROLE %(matcher)s;

GRANT SELECT ON TABLE %(database)s.%(schema)s.AUDIO_FILE TO ROLE %(matcher)s;

GRANT SELECT ON TABLE %(database)s.%(schema)s.AUDIO_FINGERPRINT TO ROLE %(matcher)s;

GRANT SELECT, INSERT ON TABLE %(database)s.%(schema)s.AUDIO_INDEX_COMMON_KEY TO ROLE %(matcher)s;

GRANT SELECT, INSERT, DELETE ON TABLE %(database)s.%(schema)s.AUDIO_INDEX_KEY TO ROLE %(matcher)s;

GRANT SELECT, UPDATE ON TABLE %(database)s.%(schema)s.AUDIO_INDEX_STATE TO ROLE %(matcher)s;

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE %(database)s.%(schema)s.AUDIO_INDEX_TRACK TO ROLE %(matcher)s;

GRANT SELECT ON VIEW %(database)s.%(schema)s.AUDIO_DUPLICATE_NEWEST_REVIEW TO ROLE %(matcher)s;

GRANT SELECT ON VIEW %(database)s.%(schema)s.AUDIO_DUPLICATE_PAIR TO ROLE %(matcher)s;

-- PUT and PURGE write.
GRANT READ, WRITE ON STAGE %(database)s.%(schema)s.AUDIO_INDEX_STAGE TO ROLE %(matcher)s;

GRANT SELECT ON TABLE %(database)s.%(schema)s.AUDIO_DUPLICATE_GROUP TO ROLE %(reviewer)s;

GRANT SELECT, INSERT ON TABLE %(database)s.%(schema)s.AUDIO_DUPLICATE_REVIEW TO ROLE %(reviewer)s;

GRANT SELECT ON TABLE %(database)s.%(schema)s.AUDIO_FILE TO ROLE %(reviewer)s;

GRANT SELECT ON TABLE %(database)s.%(schema)s.AUDIO_FINGERPRINT TO ROLE %(reviewer)s;

GRANT SELECT ON VIEW %(database)s.%(schema)s.AUDIO_DUPLICATE_NEWEST_REVIEW TO ROLE %(reviewer)s;

GRANT SELECT ON VIEW %(database)s.%(schema)s.AUDIO_DUPLICATE_PAIR TO ROLE %(reviewer)s;

-- Only a person has the index made anew.
GRANT DELETE ON TABLE %(database)s.%(schema)s.AUDIO_INDEX_COMMON_KEY TO ROLE %(role)s;

GRANT SELECT ON TABLE %(database)s.%(schema)s.AUDIO_DUPLICATE TO ROLE %(librarian)s;

GRANT SELECT ON TABLE %(database)s.%(schema)s.AUDIO_DUPLICATE_GROUP TO ROLE %(librarian)s;

-- Append-only for people, too.
GRANT SELECT, INSERT ON TABLE %(database)s.%(schema)s.AUDIO_DUPLICATE_REVIEW TO ROLE %(librarian)s;

GRANT SELECT ON TABLE %(database)s.%(schema)s.AUDIO_FILE TO ROLE %(librarian)s;

GRANT SELECT ON TABLE %(database)s.%(schema)s.AUDIO_FINGERPRINT TO ROLE %(librarian)s;

GRANT SELECT ON VIEW %(database)s.%(schema)s.AUDIO_DUPLICATE_PAIR TO ROLE %(librarian)s;

-- The original system may have made it and own it; `make schema` sees, and checks, only what its role may read.
GRANT SELECT ON TABLE %(database)s.%(schema)s.AUDIO_FINGERPRINT TO ROLE %(owner)s;
