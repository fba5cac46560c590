-- What was said of these pairs before.
DELETE FROM AUDIO_DUPLICATE
WHERE
    EXISTS (
        SELECT 1
        FROM TABLE(FLATTEN(INPUT => PARSE_JSON(%(rows)s))) AS ONE
        WHERE
            AUDIO_DUPLICATE.A_ASSET_ID = ONE.VALUE:a_asset_id::VARCHAR
            AND AUDIO_DUPLICATE.A_FILE_KEY = ONE.VALUE:a_file_key::VARCHAR
            AND AUDIO_DUPLICATE.B_ASSET_ID = ONE.VALUE:b_asset_id::VARCHAR
            AND AUDIO_DUPLICATE.B_FILE_KEY = ONE.VALUE:b_file_key::VARCHAR
    );
