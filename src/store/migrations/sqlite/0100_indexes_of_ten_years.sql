-- What is asked of each message costs in ten years what it cost on the first day.
DROP INDEX message_by_domain;
CREATE INDEX message_by_domain ON message (domain, observed_at, id) WHERE domain <> '';
-- What the health page counts at each look.
CREATE INDEX message_by_verdict ON message (mailbox, verdict);
CREATE INDEX request_by_status ON request (mailbox, status, backlog);
CREATE INDEX effect_by_state ON effect (state);
