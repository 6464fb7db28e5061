-- How people are reached: a projection of Identity's events, the only place here with addresses of accounts.
CREATE TABLE addresses (
    account uuid PRIMARY KEY,
    email text NOT NULL,
    phone text,
    display_name text NOT NULL,
    language text NOT NULL
);
CREATE INDEX addresses_email ON addresses (lower(email));
CREATE INDEX addresses_phone ON addresses (phone);

-- Messages as template and values; the words are made when somebody reads or sends them. The address stands here only where the event brought one.
CREATE TABLE mailbox (
    nr bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL,
    account uuid NOT NULL,
    channel text NOT NULL CHECK (channel IN ('email', 'phone')),
    address text,
    template text NOT NULL,
    data jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('delivered', 'held')),
    at timestamptz NOT NULL
);
CREATE INDEX mailbox_account ON mailbox (account, nr);
CREATE INDEX mailbox_address ON mailbox (lower(address)) WHERE address IS NOT NULL;
