//! Writes the wire types as TypeScript. The copy in `web/src/wire.ts` is
//! committed; a stale one fails this module's test, and
//! `CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire` renews it.

use crate::{account, audit, client, code, control, http, id, policy};
use ts_rs::{Config, TS};

/// The whole of `web/src/wire.ts`.
pub fn declarations() -> String {
    let config = Config::default();
    let mut text = String::from(
        "// Generated from signaling/wire; do not edit.\n\
         // Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire\n",
    );
    declare::<id::RoomId>(&config, &mut text);
    declare::<id::LinkId>(&config, &mut text);
    declare::<id::TenantId>(&config, &mut text);
    declare::<id::AccountId>(&config, &mut text);
    declare::<id::ParticipantId>(&config, &mut text);
    declare::<id::Blob>(&config, &mut text);
    declare::<id::Mid>(&config, &mut text);
    declare::<code::Code>(&config, &mut text);
    declare::<control::Source>(&config, &mut text);
    declare::<control::Sending>(&config, &mut text);
    declare::<control::SourceOf>(&config, &mut text);
    declare::<control::SlotAssignment>(&config, &mut text);
    declare::<control::Show>(&config, &mut text);
    declare::<control::ShownAs>(&config, &mut text);
    declare::<control::Wanted>(&config, &mut text);
    declare::<client::ClientFrame>(&config, &mut text);
    declare::<client::Request>(&config, &mut text);
    declare::<client::ServerFrame>(&config, &mut text);
    declare::<client::Standing>(&config, &mut text);
    declare::<client::Reason>(&config, &mut text);
    declare::<client::LogEntry>(&config, &mut text);
    declare::<client::LogEvent>(&config, &mut text);
    declare::<client::Member>(&config, &mut text);
    declare::<client::KnockNotice>(&config, &mut text);
    declare::<http::Consultation>(&config, &mut text);
    declare::<http::Sharing>(&config, &mut text);
    declare::<http::RoomRequest>(&config, &mut text);
    declare::<http::RoomCreated>(&config, &mut text);
    declare::<http::RoomInfo>(&config, &mut text);
    declare::<http::RoomEntry>(&config, &mut text);
    declare::<http::RoomList>(&config, &mut text);
    declare::<http::LinkState>(&config, &mut text);
    declare::<http::Uses>(&config, &mut text);
    declare::<http::Language>(&config, &mut text);
    declare::<http::ConsentWay>(&config, &mut text);
    declare::<http::Consent>(&config, &mut text);
    declare::<http::ConsentRequest>(&config, &mut text);
    declare::<http::ConsentText>(&config, &mut text);
    declare::<http::ConsentTexts>(&config, &mut text);
    declare::<http::ConsentTextsRequest>(&config, &mut text);
    declare::<http::ConsentRule>(&config, &mut text);
    declare::<http::LinkRequest>(&config, &mut text);
    declare::<http::LinkInfo>(&config, &mut text);
    declare::<http::LinkList>(&config, &mut text);
    declare::<http::Opening>(&config, &mut text);
    declare::<http::MediaTrial>(&config, &mut text);
    declare::<http::MediaAddress>(&config, &mut text);
    declare::<http::Problem>(&config, &mut text);
    declare::<audit::Act>(&config, &mut text);
    declare::<audit::AuditLine>(&config, &mut text);
    declare::<audit::AuditList>(&config, &mut text);
    declare::<policy::PolicySource>(&config, &mut text);
    declare::<policy::PolicyEntry>(&config, &mut text);
    declare::<policy::PolicyList>(&config, &mut text);
    declare::<policy::PolicyRequest>(&config, &mut text);
    declare::<account::Role>(&config, &mut text);
    declare::<account::Action>(&config, &mut text);
    declare::<account::Kept>(&config, &mut text);
    declare::<account::Login>(&config, &mut text);
    declare::<account::ProviderName>(&config, &mut text);
    declare::<account::SessionInfo>(&config, &mut text);
    declare::<account::NewPassword>(&config, &mut text);
    declare::<account::Enrolment>(&config, &mut text);
    declare::<account::FactorCode>(&config, &mut text);
    declare::<account::BackupCodes>(&config, &mut text);
    declare::<account::AccountRequest>(&config, &mut text);
    declare::<account::AccountInfo>(&config, &mut text);
    declare::<account::AccountMade>(&config, &mut text);
    declare::<account::AccountList>(&config, &mut text);
    declare::<account::TenantInfo>(&config, &mut text);
    text
}

fn declare<T: TS>(config: &Config, text: &mut String) {
    text.push('\n');
    if let Some(docs) = T::docs() {
        text.push_str(docs.trim_end());
        text.push('\n');
    }
    text.push_str("export ");
    text.push_str(&T::decl(config));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_browser_clients_types_are_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/src/wire.ts");
        let fresh = declarations();
        if std::env::var_os("CONCLAVE_WRITE_TYPES").is_some() {
            std::fs::write(&path, &fresh).expect("writes web/src/wire.ts");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == fresh,
            "web/src/wire.ts is stale: run CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire"
        );
    }
}
