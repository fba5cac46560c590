-- Any number of outcomes in one statement: bound as one JSON text, since Snowflake refuses PARSE_JSON inside VALUES
-- and the embedded store runs executemany row by row.
INSERT INTO AUDIO_FINGERPRINT_INBOX (
    EVENT_ID, RECEIVED_AT, ASSET_ID, FILE_KEY, FORMAT, DURATION, FINGERPRINT, FILE_SIZE,
    PROCESSING_STATUS, ERROR_MESSAGE, CONTAINER, CODEC, LOSSLESS, CHANNELS, SAMPLE_RATE, BIT_RATE,
    SHA256, ETAG, PCM_MD5, ALGORITHM, FINGERPRINT_SECONDS, FPCALC_VERSION,
    SLOW_FINGERPRINT, SLOW_SPEED, BANDWIDTH, BALANCE, REQUESTED_AT
)
SELECT
    VALUE:event_id::VARCHAR,
    SYSDATE(),
    VALUE:asset_id::VARCHAR,
    VALUE:file_key::VARCHAR,
    VALUE:format::VARCHAR,
    VALUE:duration::FLOAT,
    VALUE:fingerprint::VARCHAR,
    VALUE:file_size::BIGINT,
    VALUE:processing_status::VARCHAR,
    VALUE:error_message::VARCHAR,
    VALUE:container::VARCHAR,
    VALUE:codec::VARCHAR,
    VALUE:lossless::BOOLEAN,
    VALUE:channels::INTEGER,
    VALUE:sample_rate::INTEGER,
    VALUE:bit_rate::INTEGER,
    VALUE:sha256::VARCHAR,
    VALUE:etag::VARCHAR,
    VALUE:pcm_md5::VARCHAR,
    VALUE:algorithm::INTEGER,
    VALUE:fingerprint_seconds::INTEGER,
    VALUE:fpcalc_version::VARCHAR,
    VALUE:slow_fingerprint::VARCHAR,
    VALUE:slow_speed::FLOAT,
    VALUE:bandwidth::FLOAT,
    VALUE:balance::FLOAT,
    VALUE:requested_at::TIMESTAMP_NTZ(6)
FROM TABLE(FLATTEN(INPUT => PARSE_JSON(%(rows)s)));
