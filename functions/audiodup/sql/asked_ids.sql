-- One page of the ids that a person's query gives, each once, by id, and how many there are. The query is put in as
-- text, into a WITH clause, where Snowflake takes nothing but a query.
WITH ASKED (ASSET_ID) AS (
    %(query)s
)

SELECT
    ASSET_ID,
    COUNT(*) OVER () AS ASSETS
FROM (SELECT DISTINCT ASKED.ASSET_ID::VARCHAR AS ASSET_ID FROM ASKED) AS ONCE
WHERE ASSET_ID > %(after_asset_id)s
ORDER BY ASSET_ID
LIMIT %(at_most)s;
