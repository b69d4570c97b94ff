-- What is set for a server, an organisation or an account.

CREATE TABLE policies (
    tenant  BLOB NOT NULL, -- all ones: the server
    account BLOB NOT NULL, -- empty: everybody of the organisation
    name    TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (tenant, account, name)
);
