-- The only place where events are compared. Which one wins does not depend on when it arrives: the highest
-- (SUCCESS or SHORT, requested_at, SUCCESS or SHORT > FAILED > QUEUED, event_id) among the events and the row there.
INSERT INTO AUDIO_INBOX_CLAIM (EVENT_ID, WINS)
SELECT
    EVENT_ID,
    PLACE = 1 AS WINS
FROM (
    SELECT
        EVENT_ID,
        IS_EVENT,
        ROW_NUMBER() OVER (
            PARTITION BY ASSET_ID, FILE_KEY
            ORDER BY
                CASE WHEN PROCESSING_STATUS IN ('SUCCESS', 'SHORT') THEN 1 ELSE 0 END DESC,
                REQUESTED_AT DESC,
                CASE PROCESSING_STATUS WHEN 'QUEUED' THEN 0 WHEN 'FAILED' THEN 1 ELSE 2 END DESC,
                EVENT_ID DESC,
                -- An event that the row already shows changes nothing.
                IS_EVENT ASC
        ) AS PLACE
    FROM (
        SELECT
            ASSET_ID,
            FILE_KEY,
            PROCESSING_STATUS,
            REQUESTED_AT,
            EVENT_ID,
            1 AS IS_EVENT
        FROM AUDIO_FINGERPRINT_INBOX
        UNION ALL
        SELECT
            AUDIO_FINGERPRINT.ASSET_ID,
            AUDIO_FINGERPRINT.FILE_KEY,
            AUDIO_FINGERPRINT.PROCESSING_STATUS,
            -- Rows of the original system have no row in AUDIO_FILE.
            COALESCE(AUDIO_FILE.REQUESTED_AT, '1970-01-01'::TIMESTAMP_NTZ(6)) AS REQUESTED_AT,
            COALESCE(AUDIO_FILE.EVENT_ID, '') AS EVENT_ID,
            0 AS IS_EVENT
        FROM AUDIO_FINGERPRINT
        LEFT JOIN AUDIO_FILE
            ON
                AUDIO_FINGERPRINT.ASSET_ID = AUDIO_FILE.ASSET_ID
                AND AUDIO_FINGERPRINT.FILE_KEY = AUDIO_FILE.FILE_KEY
        WHERE
            EXISTS (
                SELECT 1
                FROM AUDIO_FINGERPRINT_INBOX
                WHERE
                    AUDIO_FINGERPRINT_INBOX.ASSET_ID = AUDIO_FINGERPRINT.ASSET_ID
                    AND AUDIO_FINGERPRINT_INBOX.FILE_KEY = AUDIO_FINGERPRINT.FILE_KEY
            )
    ) AS CONTENDER
) AS RANKED
WHERE IS_EVENT = 1;
