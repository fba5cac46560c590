-- What was said of files that the index holds no more: they left the library, or changed and are matched anew.
DELETE FROM AUDIO_DUPLICATE
WHERE
    NOT EXISTS (
        SELECT 1
        FROM AUDIO_INDEX_TRACK
        WHERE
            AUDIO_INDEX_TRACK.ASSET_ID = AUDIO_DUPLICATE.A_ASSET_ID
            AND AUDIO_INDEX_TRACK.FILE_KEY = AUDIO_DUPLICATE.A_FILE_KEY
    )
    OR NOT EXISTS (
        SELECT 1
        FROM AUDIO_INDEX_TRACK
        WHERE
            AUDIO_INDEX_TRACK.ASSET_ID = AUDIO_DUPLICATE.B_ASSET_ID
            AND AUDIO_INDEX_TRACK.FILE_KEY = AUDIO_DUPLICATE.B_FILE_KEY
    );
