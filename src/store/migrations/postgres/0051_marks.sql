-- What an agent's mail client shows on a message, as it was last taken account of: gestures, "answered", "forwarded",
-- one a line.
ALTER TABLE message ADD COLUMN marks TEXT NOT NULL DEFAULT '';
CREATE INDEX message_marked ON message (request) WHERE marks <> '';

-- Requests to be looked at again: a flag was set and its reply may still come to light, or a message is gone and may
-- turn up in another folder.
CREATE TABLE look_again (
    request BIGINT PRIMARY KEY,
    seen_at BIGINT NOT NULL
);
CREATE INDEX look_again_by_time ON look_again (seen_at);
