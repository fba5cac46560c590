-- How many files of the library are FAILED, by code as statistics.sql has it, and in all; with a few of each, the most
-- frequent codes first.
SELECT
    CODE,
    FILES,
    TOTAL,
    ASSET_ID,
    FILE_KEY
FROM (
    SELECT
        CODE,
        FILES,
        TOTAL,
        ASSET_ID,
        FILE_KEY,
        PLACE,
        DENSE_RANK() OVER (ORDER BY FILES DESC, CODE ASC) AS CODE_PLACE
    FROM (
        SELECT
            CODE,
            ASSET_ID,
            FILE_KEY,
            COUNT(*) OVER (PARTITION BY CODE) AS FILES,
            COUNT(*) OVER () AS TOTAL,
            ROW_NUMBER() OVER (PARTITION BY CODE ORDER BY ASSET_ID ASC, FILE_KEY ASC) AS PLACE
        FROM (
            SELECT DISTINCT
                AUDIO_FINGERPRINT.ASSET_ID,
                AUDIO_FINGERPRINT.FILE_KEY,
                SPLIT_PART(COALESCE(AUDIO_FINGERPRINT.ERROR_MESSAGE, 'UNKNOWN'), ':', 1) AS CODE
            FROM AUDIO_FINGERPRINT
            INNER JOIN AUDIO_ASSET
                ON
                    AUDIO_FINGERPRINT.ASSET_ID = AUDIO_ASSET.ASSET_ID
                    AND AUDIO_FINGERPRINT.FILE_KEY = AUDIO_ASSET.FILE_KEY
            WHERE AUDIO_FINGERPRINT.PROCESSING_STATUS = 'FAILED'
        ) AS FAILURE
    ) AS COUNTED
) AS RANKED
WHERE CODE_PLACE <= %(codes)s AND PLACE <= %(samples)s
ORDER BY CODE_PLACE ASC, PLACE ASC;
