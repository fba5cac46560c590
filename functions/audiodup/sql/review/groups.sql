-- One page of the groups, those first whose copies take up most; with how many there are in all.
SELECT
    GROUP_ID,
    COPIES,
    SAVING,
    TOTAL
FROM (
    SELECT
        AUDIO_DUPLICATE_GROUP.GROUP_ID,
        COUNT(*) AS COPIES,
        COALESCE(SUM(CASE WHEN NOT AUDIO_DUPLICATE_GROUP.KEEP THEN AUDIO_FINGERPRINT.FILE_SIZE END), 0) AS SAVING,
        COUNT(*) OVER () AS TOTAL
    FROM AUDIO_DUPLICATE_GROUP
    LEFT JOIN AUDIO_FINGERPRINT
        ON
            AUDIO_DUPLICATE_GROUP.ASSET_ID = AUDIO_FINGERPRINT.ASSET_ID
            AND AUDIO_DUPLICATE_GROUP.FILE_KEY = AUDIO_FINGERPRINT.FILE_KEY
    GROUP BY AUDIO_DUPLICATE_GROUP.GROUP_ID
    HAVING
        %(text)s IS NULL
        OR MAX(
            CASE
                WHEN
                    CONTAINS(LOWER(AUDIO_DUPLICATE_GROUP.FILE_KEY), LOWER(%(text)s))
                    OR AUDIO_DUPLICATE_GROUP.ASSET_ID = %(text)s
                    THEN 1
                ELSE 0
            END
        ) = 1
) AS FOUND
ORDER BY SAVING DESC, GROUP_ID ASC
LIMIT %(at_most)s OFFSET %(places)s;
