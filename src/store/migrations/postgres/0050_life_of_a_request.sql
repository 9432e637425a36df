-- A request may be answered for the time being, wait for missing pieces, be merged, be forwarded, or lose its message.
-- Instants are milliseconds in UTC; 0 and '' stand for "none".
ALTER TABLE request ADD COLUMN holding_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE request ADD COLUMN substantive_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE request ADD COLUMN incomplete_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE request ADD COLUMN suspended_days BIGINT NOT NULL DEFAULT 0;
ALTER TABLE request ADD COLUMN merged_into TEXT NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE request ADD COLUMN forwarded_at BIGINT NOT NULL DEFAULT 0;
-- The message whose place or mark in a mail client made the state.
ALTER TABLE request ADD COLUMN gesture BIGINT NOT NULL DEFAULT 0;
-- What was answered before this column existed was answered on the substance.
UPDATE request SET substantive_at = settled_at WHERE status = 'answered';
CREATE INDEX request_by_person ON request (person) WHERE person <> 0 AND status = 'open';

-- What an agent wrote about a request; the ledger holds the keyed digest only.
CREATE TABLE note (
    digest  TEXT   PRIMARY KEY,
    key     TEXT   NOT NULL CHECK (length(key) = 64),
    request BIGINT NOT NULL,
    text    TEXT   NOT NULL,
    written_at BIGINT NOT NULL
);
CREATE INDEX note_by_request ON note (request);
