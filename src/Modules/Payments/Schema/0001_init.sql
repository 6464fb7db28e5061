-- What the rider pays with: provider tokens only, never card data (PAY-2).
CREATE TABLE methods (
    method_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    token text NOT NULL,
    brand text NOT NULL,
    last4 text NOT NULL,
    added_at timestamptz NOT NULL,
    CONSTRAINT methods_once UNIQUE (account_id, token),
    -- The database's own guard against a card number that slipped through the door: no token is a row of digits.
    CONSTRAINT methods_no_card_number CHECK (token !~ '[0-9]([ -]?[0-9]){11,}')
);
CREATE INDEX methods_newest ON methods (account_id, added_at DESC, method_id DESC);

-- The ledger. A posting is the set of entries with one posting_id; debit is positive, credit negative.
CREATE TABLE ledger_entries (
    posting_id uuid NOT NULL,
    line int NOT NULL,
    kind text NOT NULL,
    reference uuid NOT NULL,
    account text NOT NULL,
    wallet_of uuid, -- the rider whose spendable balance this moves
    amount bigint NOT NULL CHECK (amount <> 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    at timestamptz NOT NULL,
    PRIMARY KEY (posting_id, line)
);
CREATE INDEX ledger_entries_wallet ON ledger_entries (wallet_of, at DESC, posting_id) WHERE wallet_of IS NOT NULL;

-- Every statement adds whole postings, so no transaction can ever show an unbalanced one, not even to itself.
CREATE FUNCTION ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added GROUP BY posting_id, currency HAVING sum(amount) <> 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'A posting does not sum to zero.', CONSTRAINT = 'ledger_balanced';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_balanced AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_balanced();

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = TG_TABLE_NAME || ' only grows.', CONSTRAINT = 'append_only';
END $$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- The spendable balance of a rider: the negated sum of the rider's wallet entries, kept so that the database refuses to overspend.
CREATE TABLE wallets (
    account_id uuid NOT NULL,
    currency text NOT NULL,
    balance bigint NOT NULL CONSTRAINT wallets_not_negative CHECK (balance >= 0),
    PRIMARY KEY (account_id, currency)
);

-- Who gave credit, and why.
CREATE TABLE grants (
    posting_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    granted_by uuid NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL
);

-- Money taken by the provider. Number 0 is the one final capture of the booking's authorization, later ones collect what that did not cover.
CREATE TABLE captures (
    payment_id uuid NOT NULL,
    number int NOT NULL,
    intent_id text NOT NULL CONSTRAINT captures_intent_once UNIQUE,
    authorized bigint NOT NULL,
    captured bigint NOT NULL,
    currency text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (payment_id, number),
    CONSTRAINT captures_within_authorized CHECK (captured > 0 AND captured <= authorized)
);
CREATE TRIGGER captures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON captures FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- The last number given, per city and year; moved in the transaction that uses it, so that numbers have no gap.
CREATE TABLE invoice_numbers (
    city_id text NOT NULL,
    year int NOT NULL,
    last int NOT NULL,
    PRIMARY KEY (city_id, year)
);

CREATE TABLE invoices (
    invoice_id uuid PRIMARY KEY,
    booking_id uuid NOT NULL CONSTRAINT invoices_once UNIQUE,
    payment_id uuid NOT NULL,
    account_id uuid NOT NULL,
    city_id text NOT NULL,
    year int NOT NULL,
    number int NOT NULL,
    lines jsonb NOT NULL,
    total bigint NOT NULL CHECK (total >= 0),
    net bigint NOT NULL,
    vat bigint NOT NULL,
    vat_basis_points int NOT NULL,
    currency text NOT NULL,
    issued_at timestamptz NOT NULL,
    paid_at timestamptz,
    CONSTRAINT invoices_number UNIQUE (city_id, year, number),
    CONSTRAINT invoices_add_up CHECK (net + vat = total)
);
CREATE INDEX invoices_of_account ON invoices (account_id, issued_at DESC, invoice_id DESC);

-- Charges that could not be collected yet; read when the rider gets new means to pay.
CREATE TABLE outstanding (
    payment_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL
);
CREATE INDEX outstanding_of_account ON outstanding (account_id);

-- The memory of the simulated provider: it stands for a company outside and shares nothing with the tables above but intent ids.
CREATE TABLE sim_intents (
    intent_id text PRIMARY KEY,
    idempotency_key text NOT NULL CONSTRAINT sim_intents_key UNIQUE,
    reference text NOT NULL,
    token text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    captured bigint NOT NULL DEFAULT 0,
    code text,
    create_calls int NOT NULL DEFAULT 1,
    capture_calls int NOT NULL DEFAULT 0,
    cancel_calls int NOT NULL DEFAULT 0
);
CREATE TABLE sim_settings (
    name text PRIMARY KEY,
    value text NOT NULL
);
