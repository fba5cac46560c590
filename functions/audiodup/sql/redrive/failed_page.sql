-- One page of what is FAILED, by key, so that the next page begins behind the last: of one code or all, of some assets
-- or all. Grouped, since nothing keeps the user's view from listing a file twice. What the view does not list any more
-- nobody can ask for.
SELECT
    AUDIO_ASSET.ASSET_ID,
    AUDIO_ASSET.FILE_KEY,
    MAX(AUDIO_ASSET.FORMAT) AS FILE_FORMAT,
    MAX(AUDIO_ASSET.PROVIDER) AS PROVIDER,
    MAX(SPLIT_PART(COALESCE(AUDIO_FINGERPRINT.ERROR_MESSAGE, 'UNKNOWN'), ':', 1)) AS CODE
FROM AUDIO_ASSET
INNER JOIN AUDIO_FINGERPRINT
    ON
        AUDIO_ASSET.ASSET_ID = AUDIO_FINGERPRINT.ASSET_ID
        AND AUDIO_ASSET.FILE_KEY = AUDIO_FINGERPRINT.FILE_KEY
WHERE
    AUDIO_FINGERPRINT.PROCESSING_STATUS = 'FAILED'
    AND (%(all_codes)s OR SPLIT_PART(COALESCE(AUDIO_FINGERPRINT.ERROR_MESSAGE, 'UNKNOWN'), ':', 1) = %(code)s)
    AND (
        AUDIO_ASSET.ASSET_ID > %(after_asset_id)s
        OR (AUDIO_ASSET.ASSET_ID = %(after_asset_id)s AND AUDIO_ASSET.FILE_KEY > %(after_file_key)s)
    )
    AND (
        %(all_assets)s
        OR AUDIO_ASSET.ASSET_ID IN (
            SELECT ONE.VALUE::VARCHAR FROM TABLE(FLATTEN(INPUT => PARSE_JSON(%(asset_ids)s))) AS ONE
        )
    )
GROUP BY AUDIO_ASSET.ASSET_ID, AUDIO_ASSET.FILE_KEY
ORDER BY AUDIO_ASSET.ASSET_ID ASC, AUDIO_ASSET.FILE_KEY ASC
LIMIT %(at_most)s;
