-- Where the index's Parquet files wait to be loaded; each is gone once it is.
CREATE STAGE IF NOT EXISTS AUDIO_INDEX_STAGE;
