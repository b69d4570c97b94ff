//! `conclave audit`: what was done to an organisation, and by whom.

use crate::room::At;
use crate::tenant;
use clap::{Args, Subcommand};
use conclave_signaling::domain::audit::{Chain, Link};
use conclave_signaling::sheet;
use conclave_wire::audit::{AuditLine, AuditList};
use conclave_wire::id::{AccountId, Blob};
use jiff::Timestamp;
use std::error::Error;
use std::str::FromStr;

#[derive(Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Print the lines, the oldest first: number, time, who, what, to what.
    List(List),
    /// Check that no line is missing and none was changed.
    ///
    /// Prints the end of the log, NUMBER:DIGEST. Who notes it elsewhere can later check with
    /// --noted that the log up to there was not written anew.
    Verify(Verify),
}

/// Whose log.
#[derive(Args)]
struct Of {
    #[command(flatten)]
    at: At,
    /// The organisation
    #[arg(long, default_value = "default", value_parser = tenant::name)]
    tenant: String,
    /// What was done to organisations themselves, instead
    #[arg(long, conflicts_with = "tenant")]
    server_itself: bool,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    of: Of,
    /// As a table for spreadsheets (RFC 4180)
    #[arg(long)]
    csv: bool,
}

#[derive(Args)]
struct Verify {
    #[command(flatten)]
    of: Of,
    /// The end of the log as it was printed and noted once, NUMBER:DIGEST
    #[arg(long, value_name = "NUMBER:DIGEST")]
    noted: Option<Noted>,
}

/// An end of the log that was noted.
#[derive(Clone)]
struct Noted {
    seq: u64,
    digest: String,
}

impl FromStr for Noted {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (seq, digest) = text
            .split_once(':')
            .ok_or("it has the form NUMBER:DIGEST")?;
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (seq.parse(), is_digest) {
            (Ok(seq), true) => Ok(Self {
                seq,
                digest: digest.to_ascii_lowercase(),
            }),
            _ => Err("it has the form NUMBER:DIGEST"),
        }
    }
}

const COLUMNS: [&str; 6] = ["number", "time", "actor", "act", "object", "detail"];

impl Audit {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            AuditCommand::List(list) => list.run().await,
            AuditCommand::Verify(verify) => verify.run().await,
        }
    }
}

impl Of {
    /// Each part of the log, from its beginning on.
    async fn each(
        &self,
        mut take: impl FnMut(AuditList) -> Result<(), Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let operator = self.at.operator()?;
        let tenant = (!self.server_itself).then_some(self.tenant.as_str());
        let mut after = 0;
        loop {
            let list = operator.audit(tenant, after).await?;
            let (last, more) = (list.lines.last().map(|line| line.seq), list.more);
            take(list)?;
            match last {
                Some(last) if more => after = last,
                _ => return Ok(()),
            }
        }
    }
}

impl List {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        let mut rows = Vec::new();
        self.of
            .each(|list| {
                for line in &list.lines {
                    rows.push(cells(line)?);
                }
                Ok(())
            })
            .await?;
        if self.csv {
            print!("{}", sheet::write(&COLUMNS, &rows)?);
        } else {
            for row in rows {
                println!("{}", row.join(" ").trim_end());
            }
        }
        Ok(())
    }
}

impl Verify {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        let mut chain: Option<Chain> = None;
        let (mut first, mut last) = (0, 0);
        let mut noted = None;
        self.of
            .each(|list| {
                let before = list.before.0.try_into().map_err(|_| "no digest")?;
                let from = list.first.checked_sub(1).ok_or("no number")?;
                let chain = chain.get_or_insert(Chain::from(list.tenant, from, Link(before)));
                (first, last) = (list.first, list.last);
                for line in &list.lines {
                    chain.take(line)?;
                    if self
                        .noted
                        .as_ref()
                        .is_some_and(|noted| noted.seq == line.seq)
                    {
                        noted = Some(hex(&chain.head.0));
                    }
                }
                if !list.more && (chain.seq != list.last || chain.head.0 != *list.head.0) {
                    return Err(format!("line {} is missing", chain.seq + 1).into());
                }
                Ok(())
            })
            .await?;
        let chain = chain.ok_or("there is no log")?;
        if let Some(wanted) = self.noted {
            match noted {
                None => Err(format!("line {} is not there (any more)", wanted.seq))?,
                Some(digest) if digest != wanted.digest => {
                    Err("the log was written anew since its end was noted")?;
                }
                Some(_) => {}
            }
        }
        match last < first {
            true => println!("  no lines"),
            false => println!("  lines: {first} to {last}, none missing, none changed"),
        }
        println!("  end:   {}:{}", chain.seq, hex(&chain.head.0));
        Ok(())
    }
}

fn cells(line: &AuditLine) -> Result<Vec<String>, Box<dyn Error>> {
    let time = Timestamp::from_millisecond(i64::try_from(line.at)?)?;
    let actor = line.actor.map(|actor| actor.to_string());
    let text = |text: Option<String>| text.unwrap_or_default();
    Ok(vec![
        line.seq.to_string(),
        time.to_string(),
        actor.unwrap_or_else(|| "operator".to_owned()),
        line.act.as_str().to_owned(),
        text(line.object.as_ref().map(identifier)),
        text(line.detail.clone()),
    ])
}

/// Identifiers of all kinds are written alike.
fn identifier(object: &Blob) -> String {
    match object.0.as_slice().try_into() {
        Ok(id) => AccountId(id).to_string(),
        Err(_) => hex(&object.0),
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
