-- The events that the running merge works on. Permanent, since DDL inside a transaction commits it on Snowflake.
CREATE TABLE IF NOT EXISTS AUDIO_INBOX_CLAIM (
    EVENT_ID VARCHAR(36) NOT NULL,
    WINS BOOLEAN NOT NULL
);
