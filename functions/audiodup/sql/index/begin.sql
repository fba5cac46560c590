-- An empty index says how it will be made.
UPDATE AUDIO_INDEX_STATE
SET
    KEY_VERSION = %(key_version)s,
    ALGORITHM = %(algorithm)s,
    FINGERPRINT_SECONDS = %(fingerprint_seconds)s;
