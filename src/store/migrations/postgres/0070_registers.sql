-- What people write down by hand: the personal part of letters and appointments. All else of them is in the ledger, which
-- knows this part by its keyed digest: with the key gone, nobody can tell what it said.
CREATE TABLE register_item (
    reference TEXT    PRIMARY KEY,
    channel   TEXT    NOT NULL CHECK (channel IN ('letter', 'appointment')),
    name      TEXT    NOT NULL,
    quality   TEXT    NOT NULL,
    town      TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    note      TEXT    NOT NULL,
    origin    TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    digest    TEXT    NOT NULL,
    erased_at BIGINT NOT NULL
);
-- An imported list brings each of its lines once.
CREATE UNIQUE INDEX register_item_by_origin ON register_item (channel, origin) WHERE origin <> '';

-- What indicators are folded from, found without reading the ledger whole.
CREATE INDEX ledger_opened ON ledger (occurred_at) WHERE kind = 'request_opened';
CREATE INDEX ledger_recorded ON ledger (occurred_at) WHERE kind = 'message_recorded';
CREATE INDEX ledger_by_hand ON ledger (seq) WHERE kind IN ('letter_registered', 'letter_answered', 'letter_withdrawn', 'appointment_requested', 'appointment_fixed', 'appointment_withdrawn', 'indicator_set');
