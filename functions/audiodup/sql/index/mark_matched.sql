-- Files that came to a track after the batch was made wait for the next.
UPDATE AUDIO_INDEX_TRACK
SET MATCHED_AT = SYSDATE()
WHERE
    MATCHED_AT IS NULL
    AND GENERATION <= %(generation)s
    AND TRACK_ID IN (SELECT ONE.VALUE::BIGINT FROM TABLE(FLATTEN(INPUT => PARSE_JSON(%(track_ids)s))) AS ONE);
