-- One page of the pairs that a filter lets through, in one of several orders, those around a given pair. Places
-- are counted along the given one too, so that a pair which has left the filter since still says where a page begins.
WITH OF_PROVIDER AS (
    SELECT DISTINCT
        ASSET_ID,
        FILE_KEY
    FROM AUDIO_ASSET
    WHERE PROVIDER = %(provider)s
),

OF_GROUP AS (
    SELECT
        ASSET_ID,
        FILE_KEY
    FROM AUDIO_DUPLICATE_GROUP
    WHERE GROUP_ID = %(group_id)s
),

LISTED AS (
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
            PAIR.A_ASSET_ID = %(a_asset_id)s
            AND PAIR.A_FILE_KEY = %(a_file_key)s
            AND PAIR.B_ASSET_ID = %(b_asset_id)s
            AND PAIR.B_FILE_KEY = %(b_file_key)s
        ) AS IS_MARK,
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
                %(changed_since)s IS NULL
                OR PAIR.MATCHED_AT > %(changed_since)s::TIMESTAMP_NTZ(6)
                OR PAIR.REVIEWED_AT > %(changed_since)s::TIMESTAMP_NTZ(6)
            )
            AND (
                %(text)s IS NULL
                OR CONTAINS(LOWER(PAIR.A_FILE_KEY), LOWER(%(text)s))
                OR CONTAINS(LOWER(PAIR.B_FILE_KEY), LOWER(%(text)s))
                OR PAIR.A_ASSET_ID = %(text)s
                OR PAIR.B_ASSET_ID = %(text)s
            )
            AND (%(provider)s IS NULL OR ASSET_A.ASSET_ID IS NOT NULL OR ASSET_B.ASSET_ID IS NOT NULL)
            AND (%(group_id)s IS NULL OR (GROUP_A.ASSET_ID IS NOT NULL AND GROUP_B.ASSET_ID IS NOT NULL))
        ) AS IS_WANTED
    FROM AUDIO_DUPLICATE_PAIR AS PAIR
    LEFT JOIN OF_PROVIDER AS ASSET_A
        ON PAIR.A_ASSET_ID = ASSET_A.ASSET_ID AND PAIR.A_FILE_KEY = ASSET_A.FILE_KEY
    LEFT JOIN OF_PROVIDER AS ASSET_B
        ON PAIR.B_ASSET_ID = ASSET_B.ASSET_ID AND PAIR.B_FILE_KEY = ASSET_B.FILE_KEY
    LEFT JOIN OF_GROUP AS GROUP_A
        ON PAIR.A_ASSET_ID = GROUP_A.ASSET_ID AND PAIR.A_FILE_KEY = GROUP_A.FILE_KEY
    LEFT JOIN OF_GROUP AS GROUP_B
        ON PAIR.B_ASSET_ID = GROUP_B.ASSET_ID AND PAIR.B_FILE_KEY = GROUP_B.FILE_KEY
),

COUNTED AS (
    SELECT
        *,
        COUNT_IF(IS_WANTED) OVER () AS TOTAL,
        COUNT_IF(IS_WANTED) OVER (
            ORDER BY RANK_VALUE, A_ASSET_ID, A_FILE_KEY, B_ASSET_ID, B_FILE_KEY
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS PLACE
    FROM LISTED
    WHERE IS_WANTED OR IS_MARK
),

MARKED AS (
    SELECT
        *,
        COALESCE(MAX(CASE WHEN IS_MARK THEN PLACE END) OVER (), 0) AS MARK,
        COALESCE(MAX(CASE WHEN IS_MARK AND IS_WANTED THEN 1 END) OVER (), 0) AS IS_MARK_WANTED
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
    AND PLACE > MARK - IS_MARK_WANTED - %(behind)s
ORDER BY PLACE ASC;
