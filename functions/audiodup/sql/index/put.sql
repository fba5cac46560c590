-- Snowflake's own client uploads the file; gzip around Parquet could not be read by the embedded store.
PUT %(file)s @AUDIO_INDEX_STAGE AUTO_COMPRESS = FALSE;
