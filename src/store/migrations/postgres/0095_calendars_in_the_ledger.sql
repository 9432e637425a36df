-- By which calendars days are counted, and which configuration was in force: found without reading the ledger whole.
CREATE INDEX ledger_calendars ON ledger (seq) WHERE kind = 'calendars';
CREATE INDEX ledger_configuration ON ledger (seq) WHERE kind = 'configuration';
