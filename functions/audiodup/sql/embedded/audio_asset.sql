-- On Snowflake AUDIO_ASSET is a view that the user makes over his own tables (docs/schema.md); here it lists a folder.
CREATE TABLE IF NOT EXISTS AUDIO_ASSET (
    ASSET_ID VARCHAR(50) NOT NULL,
    FILE_KEY VARCHAR(500) NOT NULL,
    FORMAT VARCHAR(10),
    PROVIDER VARCHAR(100),
    CREATED_AT TIMESTAMP_NTZ(6)
);
