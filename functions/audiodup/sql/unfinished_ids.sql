-- One page of assets with a file that has no outcome yet, by id, and how many there are; made in a span of time, where
-- one is given. What of it is in flight is for whoever asks to see.
SELECT
    ASSET_ID,
    COUNT(*) OVER () AS ASSETS
FROM (
    SELECT DISTINCT AUDIO_ASSET.ASSET_ID
    FROM AUDIO_ASSET
    LEFT JOIN AUDIO_FINGERPRINT
        ON
            AUDIO_ASSET.ASSET_ID = AUDIO_FINGERPRINT.ASSET_ID
            AND AUDIO_ASSET.FILE_KEY = AUDIO_FINGERPRINT.FILE_KEY
    WHERE
        LENGTH(AUDIO_ASSET.ASSET_ID) BETWEEN 1 AND 50
        AND LENGTH(AUDIO_ASSET.FILE_KEY) BETWEEN 1 AND 500
        AND AUDIO_ASSET.ASSET_ID > %(after_asset_id)s
        AND (AUDIO_FINGERPRINT.ASSET_ID IS NULL OR AUDIO_FINGERPRINT.PROCESSING_STATUS = 'QUEUED')
        AND (%(since)s IS NULL OR AUDIO_ASSET.CREATED_AT >= %(since)s::TIMESTAMP_NTZ(6))
        AND (%(until)s IS NULL OR AUDIO_ASSET.CREATED_AT < %(until)s::TIMESTAMP_NTZ(6))
) AS UNFINISHED
ORDER BY ASSET_ID
LIMIT %(at_most)s;
