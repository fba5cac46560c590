-- One row: how the index is made, and who updates it is the one that changes the index.
CREATE TABLE IF NOT EXISTS AUDIO_INDEX_STATE (
    GENERATION INTEGER NOT NULL,
    KEY_VERSION VARCHAR(20),
    ALGORITHM INTEGER,
    FINGERPRINT_SECONDS INTEGER,
    CHANGED_AT TIMESTAMP_NTZ(6)
);
