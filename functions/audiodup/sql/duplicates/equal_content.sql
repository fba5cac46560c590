-- Pairs of files whose content is known to be equal and of which nothing better was said yet: those too short for any
-- fingerprint, and those whose fingerprints say too little to be found by. Of a large class each with its first only.
-- A file has up to three names of its content.
WITH AUDIO_CONTENT AS (
    SELECT
        CONTENT,
        ASSET_ID,
        FILE_KEY,
        DURATION,
        FILE_SIZE,
        CONTAINER,
        CODEC,
        CHANNELS,
        SAMPLE_RATE,
        SHA256,
        ETAG,
        PCM_MD5,
        COUNT(*) OVER (PARTITION BY CONTENT) AS COPIES,
        ROW_NUMBER() OVER (PARTITION BY CONTENT ORDER BY ASSET_ID, FILE_KEY) AS PLACE
    FROM (
        SELECT
            NAMED.CONTENT,
            HEARD.ASSET_ID,
            HEARD.FILE_KEY,
            AUDIO_FINGERPRINT.DURATION,
            AUDIO_FINGERPRINT.FILE_SIZE,
            HEARD.CONTAINER,
            HEARD.CODEC,
            HEARD.CHANNELS,
            HEARD.SAMPLE_RATE,
            HEARD.SHA256,
            HEARD.ETAG,
            HEARD.PCM_MD5
        FROM (
            SELECT
                ASSET_ID,
                FILE_KEY,
                'SHA256 ' || SHA256 AS CONTENT
            FROM AUDIO_FILE
            UNION ALL
            SELECT
                TAGGED.ASSET_ID,
                TAGGED.FILE_KEY,
                -- No proof of the bytes: the fingerprint must not say otherwise.
                'ETAG ' || TAGGED.ETAG || ' ' || SIZED.FILE_SIZE || ' ' || MD5(SIZED.FINGERPRINT) AS CONTENT
            FROM AUDIO_FILE AS TAGGED
            INNER JOIN AUDIO_FINGERPRINT AS SIZED
                ON
                    TAGGED.ASSET_ID = SIZED.ASSET_ID
                    AND TAGGED.FILE_KEY = SIZED.FILE_KEY
            UNION ALL
            SELECT
                ASSET_ID,
                FILE_KEY,
                'PCM ' || PCM_MD5 || ' ' || SAMPLE_RATE || ' ' || CHANNELS AS CONTENT
            FROM AUDIO_FILE
        ) AS NAMED
        INNER JOIN AUDIO_FILE AS HEARD
            ON
                NAMED.ASSET_ID = HEARD.ASSET_ID
                AND NAMED.FILE_KEY = HEARD.FILE_KEY
        INNER JOIN AUDIO_FINGERPRINT
            ON
                NAMED.ASSET_ID = AUDIO_FINGERPRINT.ASSET_ID
                AND NAMED.FILE_KEY = AUDIO_FINGERPRINT.FILE_KEY
        WHERE
            NAMED.CONTENT IS NOT NULL
            AND (
                AUDIO_FINGERPRINT.PROCESSING_STATUS IN ('SUCCESS', 'SHORT')
                OR (
                    AUDIO_FINGERPRINT.PROCESSING_STATUS = 'FAILED'
                    AND SPLIT_PART(AUDIO_FINGERPRINT.ERROR_MESSAGE, ':', 1) = 'TOO_SHORT'
                )
            )
            AND EXISTS (
                SELECT 1
                FROM AUDIO_ASSET
                WHERE
                    AUDIO_ASSET.ASSET_ID = HEARD.ASSET_ID
                    AND AUDIO_ASSET.FILE_KEY = HEARD.FILE_KEY
            )
    ) AS LISTED
    QUALIFY COUNT(*) OVER (PARTITION BY CONTENT) > 1
)

SELECT DISTINCT
    A.ASSET_ID AS A_ASSET_ID,
    A.FILE_KEY AS A_FILE_KEY,
    A.DURATION AS A_DURATION,
    A.FILE_SIZE AS A_FILE_SIZE,
    A.CONTAINER AS A_CONTAINER,
    A.CODEC AS A_CODEC,
    A.CHANNELS AS A_CHANNELS,
    A.SAMPLE_RATE AS A_SAMPLE_RATE,
    A.SHA256 AS A_SHA256,
    A.ETAG AS A_ETAG,
    A.PCM_MD5 AS A_PCM_MD5,
    B.ASSET_ID AS B_ASSET_ID,
    B.FILE_KEY AS B_FILE_KEY,
    B.DURATION AS B_DURATION,
    B.FILE_SIZE AS B_FILE_SIZE,
    B.CONTAINER AS B_CONTAINER,
    B.CODEC AS B_CODEC,
    B.CHANNELS AS B_CHANNELS,
    B.SAMPLE_RATE AS B_SAMPLE_RATE,
    B.SHA256 AS B_SHA256,
    B.ETAG AS B_ETAG,
    B.PCM_MD5 AS B_PCM_MD5
FROM AUDIO_CONTENT AS A
INNER JOIN AUDIO_CONTENT AS B
    ON
        A.CONTENT = B.CONTENT
        AND (A.ASSET_ID < B.ASSET_ID OR (A.ASSET_ID = B.ASSET_ID AND A.FILE_KEY < B.FILE_KEY))
        AND (A.PLACE = 1 OR A.COPIES <= %(pairwise)s)
WHERE
    NOT EXISTS (
        SELECT 1
        FROM AUDIO_DUPLICATE
        WHERE
            AUDIO_DUPLICATE.A_ASSET_ID = A.ASSET_ID
            AND AUDIO_DUPLICATE.A_FILE_KEY = A.FILE_KEY
            AND AUDIO_DUPLICATE.B_ASSET_ID = B.ASSET_ID
            AND AUDIO_DUPLICATE.B_FILE_KEY = B.FILE_KEY
            AND (
                AUDIO_DUPLICATE.ACTION = 'AUTO_DELETE_CANDIDATE'
                OR (A.CONTENT LIKE 'ETAG %%' AND AUDIO_DUPLICATE.VERDICT = 'IDENTICAL')
            )
    );
