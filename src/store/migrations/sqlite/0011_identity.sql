-- What cannot be read is recorded as a message like any other: nothing was ever set aside.
DROP TABLE quarantine;
-- The server's own identifier of a message, which survives moves (RFC 8474).
ALTER TABLE message ADD COLUMN email_id TEXT NOT NULL DEFAULT '';
CREATE INDEX message_by_email_id ON message (email_id) WHERE email_id <> '';
