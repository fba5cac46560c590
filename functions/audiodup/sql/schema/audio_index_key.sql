-- The keys of the tracks: what two recordings have in common is found by joining this table with itself.
CREATE TABLE IF NOT EXISTS AUDIO_INDEX_KEY (
    KEY BIGINT NOT NULL,
    TRACK_ID BIGINT NOT NULL,
    POSITION INTEGER NOT NULL
);
