-- A person's words, each on a pair whose newest word is still the one he has seen ('' is none).
INSERT INTO AUDIO_DUPLICATE_REVIEW (
    REVIEW_ID, A_ASSET_ID, A_FILE_KEY, B_ASSET_ID, B_FILE_KEY, VERDICT, REVIEWED_BY, REVIEWED_AT
)
SELECT
    ONE.VALUE:review_id::VARCHAR,
    ONE.VALUE:a_asset_id::VARCHAR,
    ONE.VALUE:a_file_key::VARCHAR,
    ONE.VALUE:b_asset_id::VARCHAR,
    ONE.VALUE:b_file_key::VARCHAR,
    %(review)s,
    %(reviewed_by)s,
    -- The newest counts: also where somebody has written one of tomorrow by hand.
    GREATEST(
        %(reviewed_at)s::TIMESTAMP_NTZ(6),
        DATEADD('microsecond', 1, COALESCE(NEWEST.REVIEWED_AT, '1970-01-01'::TIMESTAMP_NTZ(6)))
    )
FROM TABLE(FLATTEN(INPUT => PARSE_JSON(%(rows)s))) AS ONE
LEFT JOIN AUDIO_DUPLICATE_NEWEST_REVIEW AS NEWEST
    ON
        ONE.VALUE:a_asset_id::VARCHAR = NEWEST.A_ASSET_ID
        AND ONE.VALUE:a_file_key::VARCHAR = NEWEST.A_FILE_KEY
        AND ONE.VALUE:b_asset_id::VARCHAR = NEWEST.B_ASSET_ID
        AND ONE.VALUE:b_file_key::VARCHAR = NEWEST.B_FILE_KEY
WHERE COALESCE(NEWEST.REVIEW_ID, '') = ONE.VALUE:seen::VARCHAR;
