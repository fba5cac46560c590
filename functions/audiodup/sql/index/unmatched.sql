-- The work queue: tracks with a file that was not matched yet, by number.
SELECT
    TRACK_ID,
    MAX(KEYS) AS KEYS
FROM AUDIO_INDEX_TRACK
WHERE
    MATCHED_AT IS NULL
    AND KEY_VERSION = %(key_version)s
GROUP BY TRACK_ID
ORDER BY TRACK_ID;
