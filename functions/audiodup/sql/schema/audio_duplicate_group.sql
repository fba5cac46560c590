-- The matcher's: copies of one recording, one row per copy, and which of them to keep. Made anew by each run.
CREATE TABLE IF NOT EXISTS AUDIO_DUPLICATE_GROUP (
    GROUP_ID VARCHAR(32) NOT NULL,
    ASSET_ID VARCHAR(50) NOT NULL,
    FILE_KEY VARCHAR(500) NOT NULL,
    KEEP BOOLEAN NOT NULL,
    REASON TEXT,
    PRIMARY KEY (ASSET_ID, FILE_KEY)
);
