-- One page of the pairs that a filter lets through, in one of several orders, those around a given pair. Places
-- are counted along all pairs, so that a pair which has left the filter since still says where the next page begins.
WITH LISTED AS (
    SELECT
        PAIR.A_ASSET_ID,
        PAIR.A_FILE_KEY,
        PAIR.B_ASSET_ID,
        PAIR.B_FILE_KEY,
        PAIR.REVIEW_ID,
        CASE %(sort)s
            WHEN 'similar' THEN -ROUND(PAIR.SIMILARITY * 1000000)
            WHEN 'doubtful' THEN ROUND(PAIR.SIMILARITY * 1000000)
            WHEN 'newest' THEN -DATEDIFF('second', '1970-01-01'::TIMESTAMP_NTZ(6), PAIR.MATCHED_AT)
            WHEN 'oldest' THEN DATEDIFF('second', '1970-01-01'::TIMESTAMP_NTZ(6), PAIR.MATCHED_AT)
            ELSE
                CASE PAIR.VERDICT WHEN 'IDENTICAL' THEN 0 WHEN 'SAME_CONTENT' THEN 10000000 ELSE 20000000 END
                - ROUND(PAIR.SIMILARITY * 1000000)
        END AS RANK_VALUE,
        (
            (%(verdict)s IS NULL OR PAIR.VERDICT = %(verdict)s)
            AND (%(kind)s IS NULL OR COALESCE(PAIR.KIND, 'none') = %(kind)s)
            AND (%(action)s IS NULL OR PAIR.ACTION = %(action)s)
            AND (
                %(review)s IS NULL
                OR COALESCE(PAIR.REVIEW, 'UNDECIDED') = %(review)s
                OR (%(review)s = 'DECIDED' AND PAIR.REVIEW IS NOT NULL)
            )
            AND (%(similarity_from)s IS NULL OR PAIR.SIMILARITY >= %(similarity_from)s)
            AND (%(similarity_to)s IS NULL OR PAIR.SIMILARITY <= %(similarity_to)s)
            AND (%(newer_days)s IS NULL OR PAIR.MATCHED_AT >= DATEADD('day', -%(newer_days)s, SYSDATE()))
            AND (%(older_days)s IS NULL OR PAIR.MATCHED_AT < DATEADD('day', -%(older_days)s, SYSDATE()))
            AND (%(reviewed_by)s IS NULL OR PAIR.REVIEWED_BY = %(reviewed_by)s)
            AND (%(reviewed_at)s IS NULL OR PAIR.REVIEWED_AT = %(reviewed_at)s::TIMESTAMP_NTZ(6))
            AND (
                %(text)s IS NULL
                OR CONTAINS(LOWER(PAIR.A_FILE_KEY), LOWER(%(text)s))
                OR CONTAINS(LOWER(PAIR.B_FILE_KEY), LOWER(%(text)s))
                OR PAIR.A_ASSET_ID = %(text)s
                OR PAIR.B_ASSET_ID = %(text)s
            )
            AND (
                %(provider)s IS NULL
                OR EXISTS (
                    SELECT 1
                    FROM AUDIO_ASSET
                    WHERE
                        AUDIO_ASSET.PROVIDER = %(provider)s
                        AND AUDIO_ASSET.ASSET_ID = PAIR.A_ASSET_ID
                        AND AUDIO_ASSET.FILE_KEY = PAIR.A_FILE_KEY
                )
                OR EXISTS (
                    SELECT 1
                    FROM AUDIO_ASSET
                    WHERE
                        AUDIO_ASSET.PROVIDER = %(provider)s
                        AND AUDIO_ASSET.ASSET_ID = PAIR.B_ASSET_ID
                        AND AUDIO_ASSET.FILE_KEY = PAIR.B_FILE_KEY
                )
            )
            AND (
                %(group_id)s IS NULL
                OR EXISTS (
                    SELECT 1
                    FROM AUDIO_DUPLICATE_GROUP AS GROUP_A
                    INNER JOIN AUDIO_DUPLICATE_GROUP AS GROUP_B
                        ON GROUP_A.GROUP_ID = GROUP_B.GROUP_ID
                    WHERE
                        GROUP_A.GROUP_ID = %(group_id)s
                        AND GROUP_A.ASSET_ID = PAIR.A_ASSET_ID
                        AND GROUP_A.FILE_KEY = PAIR.A_FILE_KEY
                        AND GROUP_B.ASSET_ID = PAIR.B_ASSET_ID
                        AND GROUP_B.FILE_KEY = PAIR.B_FILE_KEY
                )
            )
        ) AS IS_WANTED
    FROM AUDIO_DUPLICATE_PAIR AS PAIR
),

COUNTED AS (
    SELECT
        A_ASSET_ID,
        A_FILE_KEY,
        B_ASSET_ID,
        B_FILE_KEY,
        REVIEW_ID,
        IS_WANTED,
        (
            A_ASSET_ID = %(a_asset_id)s
            AND A_FILE_KEY = %(a_file_key)s
            AND B_ASSET_ID = %(b_asset_id)s
            AND B_FILE_KEY = %(b_file_key)s
        ) AS IS_MARK,
        COUNT_IF(IS_WANTED) OVER () AS TOTAL,
        COUNT_IF(IS_WANTED) OVER (
            ORDER BY RANK_VALUE, A_ASSET_ID, A_FILE_KEY, B_ASSET_ID, B_FILE_KEY
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS PLACE
    FROM LISTED
),

MARKED AS (
    SELECT
        A_ASSET_ID,
        A_FILE_KEY,
        B_ASSET_ID,
        B_FILE_KEY,
        REVIEW_ID,
        IS_WANTED,
        IS_MARK,
        TOTAL,
        PLACE,
        COALESCE(MAX(CASE WHEN IS_MARK THEN PLACE END) OVER (), 0) AS MARK,
        COALESCE(MAX(CASE WHEN IS_MARK AND IS_WANTED THEN PLACE END) OVER (), 0) AS WANTED_MARK
    FROM COUNTED
)

SELECT
    TOTAL,
    PLACE,
    A_ASSET_ID,
    A_FILE_KEY,
    B_ASSET_ID,
    B_FILE_KEY,
    REVIEW_ID,
    PLACE > MARK AS IS_AHEAD
FROM MARKED
WHERE
    IS_WANTED
    AND NOT IS_MARK
    AND PLACE <= MARK + %(ahead)s
    AND PLACE > MARK - %(behind)s - CASE WHEN WANTED_MARK > 0 THEN 1 ELSE 0 END
ORDER BY PLACE ASC;
