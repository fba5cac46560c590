-- Keys that occur too often to say anything: they make no candidates.
CREATE TABLE IF NOT EXISTS AUDIO_INDEX_COMMON_KEY (
    KEY BIGINT NOT NULL
);
