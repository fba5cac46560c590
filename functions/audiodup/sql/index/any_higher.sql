-- Whether a track with a higher number was matched already.
SELECT COUNT(*) AS FILES
FROM AUDIO_INDEX_TRACK
WHERE
    MATCHED_AT IS NOT NULL
    AND TRACK_ID > %(track_id)s
    AND KEY_VERSION = %(key_version)s;
