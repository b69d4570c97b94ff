//! A PostgreSQL database of the test's own, where `scripts/postgres` runs it.

use std::process::Command;

/// One database, empty when it is made. It goes with its server.
pub(crate) struct Database {
    url: String,
}

impl Database {
    /// Makes one; none where the tests run on SQLite.
    ///
    /// # Panics
    /// When there is a server and it makes none.
    pub(crate) fn fresh() -> Option<Self> {
        let server = std::env::var("CONCLAVE_TEST_POSTGRES").ok()?;
        let name = format!("test{}", getrandom::u64().expect("randomness"));
        let done = Command::new("createdb")
            .arg(format!("--maintenance-db={server}/postgres"))
            .arg(&name)
            .output()
            .expect("createdb");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
        Some(Self {
            url: format!("{server}/{name}"),
        })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// All its rows, as text and with their byte strings as bytes.
    ///
    /// # Panics
    /// When it cannot be read.
    pub(crate) fn dump(&self) -> Vec<u8> {
        let done = Command::new("pg_dump")
            .args(["--data-only", "--inserts"])
            .arg(&self.url)
            .output()
            .expect("pg_dump");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
        let mut dump = done.stdout;
        let text = String::from_utf8(dump.clone()).expect("UTF-8");
        // '\x0a1b' is how a byte string is written.
        for hex in text.split("'\\x").skip(1) {
            let digits = hex.split('\'').next().unwrap_or_default();
            dump.extend((0..digits.len() / 2).map(|n| {
                u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).expect("hexadecimal digits")
            }));
        }
        dump
    }
}
