//! What the HTTP interface can be asked for, the command line can, too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// Operations without a subcommand: a session is of the person who logs in with
/// a password, which nobody should type behind a command; a trial of the media
/// port needs a browser; so do a login by a provider and everything that an
/// authenticator is asked, and whoever made a passkey there names it there; a
/// device certifies itself.
const WITHOUT: [&str; 18] = [
    "askForPasskey",
    "beginPasskey",
    "certify",
    "changePassword",
    "confirmFactor",
    "getLoginWays",
    "getSession",
    "giveCode",
    "listOwnPasskeys",
    "logIn",
    "logInWithPasskey",
    "logOut",
    "makePasskey",
    "noteDevice",
    "proposeFactor",
    "removeOwnPasskey",
    "renamePasskey",
    "tryMedia",
];

#[test]
fn every_operation_of_the_interface_has_a_subcommand() {
    let printed = Command::new(PROGRAM).arg("openapi").output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|item| item.as_object().unwrap().values());
    let mut without = Vec::new();
    for operation in operations {
        let name = operation["operationId"].as_str().unwrap();
        let Some(words) = operation["x-conclave-cli"].as_str() else {
            without.push(name);
            continue;
        };
        let help = Command::new(PROGRAM)
            .args(words.split(' '))
            .arg("--help")
            .output()
            .unwrap();
        let text = String::from_utf8(help.stdout).unwrap();
        // Of a word that is no subcommand, its parent's help is printed.
        let usage = format!("Usage: conclave {words}");
        assert!(
            help.status.success() && text.contains(&usage),
            "{name}: {text}"
        );
    }
    without.sort_unstable();
    assert_eq!(without, WITHOUT);
}
