-- Where the index's Parquet files wait to be loaded; each is gone once it is. What a killed run left there can be
-- removed at any time it does not run.
CREATE STAGE IF NOT EXISTS AUDIO_INDEX_STAGE;
