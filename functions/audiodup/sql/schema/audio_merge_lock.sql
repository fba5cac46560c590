-- One row; who updates it is the one merge that runs.
CREATE TABLE IF NOT EXISTS AUDIO_MERGE_LOCK (
    MERGED_AT TIMESTAMP_NTZ(6)
);
