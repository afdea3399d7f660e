-- What operators look for: a turn, a trace, a conversation, a session. Each index is computed from the receipt's
-- body, so it can say nothing else than what stands there under the chain. It holds the first 16 signs behind the
-- key, and only receipts that have records: what passed unseen is never looked for, and costs no index.

CREATE INDEX receipts_by_conversation ON receipts
    ((substr(body, instr(body, '"conversation":"') + 16, 16))) WHERE instr(body, '"records":[]') = 0;
CREATE INDEX receipts_by_trace ON receipts
    ((substr(body, instr(body, '"trace":"') + 9, 16)))
    WHERE instr(body, '"records":[]') = 0 AND instr(body, '"trace":"') > 0;
CREATE INDEX receipts_by_turn ON receipts
    ((substr(body, instr(body, '"turn":"') + 8, 16))) WHERE instr(body, '"records":[]') = 0;
CREATE INDEX receipts_by_session ON receipts (session) WHERE instr(body, '"records":[]') = 0;
