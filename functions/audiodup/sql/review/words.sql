-- All that people have said of one pair, in whichever order they named the two files, the newest first.
SELECT
    REVIEW_ID,
    REVIEWED_BY,
    REVIEWED_AT,
    UPPER(TRIM(VERDICT)) AS WORD
FROM AUDIO_DUPLICATE_REVIEW
WHERE
    (
        A_ASSET_ID = %(a_asset_id)s
        AND A_FILE_KEY = %(a_file_key)s
        AND B_ASSET_ID = %(b_asset_id)s
        AND B_FILE_KEY = %(b_file_key)s
    )
    OR (
        A_ASSET_ID = %(b_asset_id)s
        AND A_FILE_KEY = %(b_file_key)s
        AND B_ASSET_ID = %(a_asset_id)s
        AND B_FILE_KEY = %(a_file_key)s
    )
ORDER BY REVIEWED_AT DESC, REVIEW_ID DESC;
