-- Retention: what was forgotten says since when; of a purged message only the digest stays, so that one that still lies
-- in its folder is never taken for a new one.
ALTER TABLE request ADD COLUMN forgotten_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN forgotten_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX request_settled ON request (settled_at) WHERE settled_at <> 0;
CREATE INDEX request_of_person ON request (person) WHERE person <> 0;
CREATE INDEX message_alone ON message (received_at) WHERE request = 0;

CREATE TABLE tombstone (
    digest  TEXT PRIMARY KEY,
    id      INTEGER NOT NULL,
    mailbox TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason  TEXT NOT NULL
) STRICT;

-- Who was shown personal data, when and of whom; kept for twelve months.
CREATE TABLE access_log (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    reader   TEXT NOT NULL,
    question TEXT NOT NULL,
    about    TEXT NOT NULL,
    shown    INTEGER NOT NULL
) STRICT;
CREATE INDEX access_log_by_time ON access_log (at);
