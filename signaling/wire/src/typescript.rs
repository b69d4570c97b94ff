//! Writes the wire types as TypeScript, a file for each module here. The copy in
//! `web/src/wire/` is committed; a stale one fails this module's test, and
//! `CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire` renews it.

use crate::{
    account, audit, client, code, control, device, http, id, passkey, policy, text, webhook,
};
use std::collections::{BTreeMap, BTreeSet};
use ts_rs::{Config, TS};

const HEAD: &str = "// Generated from signaling/wire; do not edit.\n\
     // Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire\n";

/// A type as it is written.
struct Declared {
    module: &'static str,
    name: String,
    text: String,
    /// The names of those it is made of.
    uses: BTreeSet<String>,
}

macro_rules! declared {
    ($config:expr; $($module:ident: $($name:ident),+;)+) => {
        vec![$($(declare::<$module::$name>($config, stringify!($module)),)+)+]
    };
}

fn all(config: &Config) -> Vec<Declared> {
    declared! { config;
        account: Role, Action, Kept, Login, LoginWays, ProviderInfo, SessionInfo, NewPassword, Enrolment, FactorCode, BackupCodes, AccountRequest, AccountChange, AccountInfo, AccountMade, AccountList, TenantInfo;
        audit: Act, AuditLine, AuditList;
        client: ClientFrame, Request, ServerFrame, Standing, Reason, LogEntry, LogEvent, Member, KnockNotice;
        code: Code;
        control: Source, Sending, SourceOf, SlotAssignment, Show, ShownAs, Wanted;
        device: DeviceRequest, DeviceInfo, DeviceList, CertificateRequest, CertificateIssued;
        http: Consultation, Sharing, RoomRequest, RoomCreated, RoomInfo, RoomEntry, RoomList, LinkState, Uses, Language, ConsentWay, Consent, ConsentRequest, ConsentText, ConsentTexts, ConsentTextsRequest, ConsentRule, LinkRequest, LinkInfo, LinkList, Opening, MediaTrial, MediaAddress, Cell, Problem;
        id: RoomId, LinkId, TenantId, AccountId, DeviceId, PasskeyId, ParticipantId, WebhookId, Blob, Mid;
        passkey: PasskeyChallenge, PasskeyRequest, PasskeyLogin, PasskeyName, PasskeyInfo, PasskeyList;
        policy: PolicySource, PolicyEntry, PolicyList, PolicyRequest;
        text: PublicText, PublicTextRequest, PublicTextInfo;
        webhook: EventKind, WebhookRequest, WebhookChange, WebhookInfo, WebhookMade, WebhookList, PasswordMessage;
    }
}

/// The files of `web/src/wire/` and what they hold: one a module, and one that
/// gathers them.
pub fn files() -> BTreeMap<String, String> {
    let all = all(&Config::default());
    let home: BTreeMap<&str, &str> = all
        .iter()
        .map(|declared| (declared.name.as_str(), declared.module))
        .collect();
    let modules: BTreeSet<&str> = home.values().copied().collect();
    let mut files = BTreeMap::new();
    let mut index = HEAD.to_owned();
    for module in modules {
        let own = || all.iter().filter(|declared| declared.module == module);
        let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for name in own().flat_map(|declared| &declared.uses) {
            if let Some(other) = home.get(name.as_str()).filter(|other| **other != module) {
                imports.entry(other).or_default().insert(name);
            }
        }
        let mut text = HEAD.to_owned();
        for (from, names) in imports {
            let names: Vec<_> = names.into_iter().collect();
            text += &format!("import type {{ {} }} from './{from}';\n", names.join(", "));
        }
        text.extend(own().map(|declared| declared.text.as_str()));
        files.insert(format!("{module}.ts"), text);
        index += &format!("export type * from './{module}';\n");
    }
    files.insert("index.ts".to_owned(), index);
    files
}

fn declare<T: TS + 'static>(config: &Config, module: &'static str) -> Declared {
    let mut text = String::from("\n");
    if let Some(docs) = T::docs() {
        text.push_str(docs.trim_end());
        text.push('\n');
    }
    text.push_str("export ");
    text.push_str(&T::decl(config));
    text.push('\n');
    let uses = T::dependencies(config).into_iter();
    Declared {
        module,
        name: T::ident(config),
        text,
        uses: uses.map(|used| used.ts_name).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    #[test]
    fn the_browser_clients_types_are_fresh() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/src/wire");
        let fresh = files();
        if std::env::var_os("CONCLAVE_WRITE_TYPES").is_some() {
            fs::create_dir_all(&folder).expect("makes web/src/wire");
            for (name, text) in &fresh {
                fs::write(folder.join(name), text).expect("writes web/src/wire");
            }
        }
        let entries = fs::read_dir(&folder).into_iter().flatten();
        let committed: BTreeMap<_, _> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_str()?.to_owned();
                Some((name, fs::read_to_string(path).ok()?))
            })
            .collect();
        assert!(
            committed == fresh,
            "web/src/wire is stale: run CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire"
        );
    }
}
