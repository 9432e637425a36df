-- Up to which entry of the ledger something was told to a bureau: what is written down later belongs to the next mail.
CREATE TABLE told (
    name TEXT   PRIMARY KEY,
    seq  BIGINT NOT NULL CHECK (seq >= 0)
);
