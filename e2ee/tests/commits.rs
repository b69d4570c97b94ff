//! Commits: the race for an epoch, replays of the log, and what is refused.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod kit;

use conclave_e2ee::*;
use kit::rogue::{Rogue, identity, link_psk_id};
use kit::*;
use openmls::prelude::tls_codec::Deserialize;
use openmls::prelude::{
    BasicCredential, Capabilities, CredentialWithKey, Extensions, LeafNodeParameters, MlsGroup,
    MlsMessageBodyIn, MlsMessageIn, NewSignerBundle, OpenMlsProvider,
};
use openmls_basic_credential::SignatureKeyPair;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn the_loser_of_a_race_follows_the_winner_and_commits_again() {
    let (mut anna, mut ben, mut carl) = three();
    let mut dora = session(4);
    let knock = verified(&anna, &mut dora);
    let lost = anna.admit(std::slice::from_ref(&knock)).unwrap();
    let won = ben.update().unwrap();
    assert_eq!(lost.epoch, won.epoch);
    ben.confirm_pending(0).unwrap();
    anna.process(&won.commit, 0).unwrap();
    carl.process(&won.commit, 0).unwrap();
    assert_eq!(anna.confirm_pending(0), Err(Misuse::NoCommitPending.into()));

    let again = anna.admit(&[knock]).unwrap();
    assert_eq!(again.epoch, won.epoch + 1);
    accept(&mut [&mut anna, &mut ben, &mut carl], &again, 0);
    dora.join(again.welcome.as_ref().unwrap()).unwrap();
    assert_eq!(dora.members(), carl.members());
    assert_eq!(dora.call_code(), ben.call_code());
}

#[test]
fn one_commit_is_pending_at_a_time() {
    let mut anna = founder(1);
    let first = anna.update().unwrap();
    assert_eq!(anna.update(), Err(Misuse::CommitPending.into()));
    anna.discard_pending().unwrap();
    anna.discard_pending().unwrap();
    assert_eq!(anna.confirm_pending(0), Err(Misuse::NoCommitPending.into()));
    let second = anna.update().unwrap();
    assert_ne!(first.commit, second.commit);
    anna.confirm_pending(0).unwrap();
    assert_eq!(anna.epoch(), Ok(1));
}

#[test]
fn our_own_commit_in_the_log_counts_as_accepted() {
    let (mut anna, mut ben, _) = three();
    let pending = anna.update().unwrap();
    ben.process(&pending.commit, 0).unwrap();
    assert!(matches!(
        anna.process(&pending.commit, 0),
        Ok(Processed::Advanced(_))
    ));
    assert_eq!(anna.call_code(), ben.call_code());
    // A log replayed after a lost connection is skipped.
    for member in [&mut anna, &mut ben] {
        let again = member.process(&pending.commit, 0);
        assert_eq!(again, Err(PeerMisbehaved::StaleEpoch.into()));
    }
}

#[test]
fn a_commit_discarded_too_early_is_named() {
    let mut anna = founder(1);
    let pending = anna.update().unwrap();
    anna.discard_pending().unwrap();
    let error = anna.process(&pending.commit, 0);
    assert_eq!(error, Err(PeerMisbehaved::ForgottenCommit.into()));
}

#[test]
fn commits_out_of_order_are_refused_and_in_order_accepted() {
    let (mut anna, mut ben, _) = three();
    let first = anna.update().unwrap();
    anna.confirm_pending(0).unwrap();
    let second = anna.update().unwrap();
    anna.confirm_pending(0).unwrap();
    assert_eq!(
        ben.process(&second.commit, 0),
        Err(PeerMisbehaved::FutureEpoch.into())
    );
    ben.process(&first.commit, 0).unwrap();
    assert_eq!(
        ben.process(&first.commit, 0),
        Err(PeerMisbehaved::StaleEpoch.into())
    );
    ben.process(&second.commit, 0).unwrap();
    assert_eq!(anna.call_code(), ben.call_code());
}

#[test]
fn a_commit_of_another_group_is_refused() {
    let mut anna = founder(1);
    let commit = founder(2).update().unwrap().commit;
    assert_eq!(
        anna.process(&commit, 0),
        Err(PeerMisbehaved::WrongGroup.into())
    );
}

#[test]
fn misuse_is_named() {
    let mut anna = founder(1);
    assert_eq!(anna.admit(&[]), Err(Misuse::NothingToCommit.into()));
    assert_eq!(anna.remove(&[]), Err(Misuse::NothingToCommit.into()));
    assert_eq!(
        anna.remove(&[participant(1)]),
        Err(Misuse::RemoveSelf.into())
    );
    assert_eq!(
        anna.remove(&[participant(7)]),
        Err(Misuse::UnknownParticipant.into())
    );
    assert_eq!(anna.create_group(0), Err(Misuse::AlreadyInGroup.into()));
    assert_eq!(anna.knock(), Err(Misuse::AlreadyInGroup.into()));
    let mut ben = session(2);
    assert_eq!(ben.resync(0), Err(Misuse::NotInGroup.into()));
    assert_eq!(ben.update(), Err(Misuse::NotInGroup.into()));
    assert_eq!(ben.confirm_pending(0), Err(Misuse::NotInGroup.into()));
    assert_eq!(ben.process(&[], 0), Err(Misuse::NotInGroup.into()));
}

/// A call of Anna, Ben and the rogue member number 3.
fn with_rogue() -> (Session, Session, Rogue, MlsGroup) {
    let (mut anna, mut ben) = (founder(1), session(2));
    admit(&mut [&mut anna], &mut ben, 0);
    let rogue = Rogue::new(identity(participant(3), "Rogue"));
    let group = rogue.enter(&mut [&mut anna, &mut ben], participant(3));
    (anna, ben, rogue, group)
}

/// Both refuse the commit, keep their epoch, and can go on.
fn refused(anna: &mut Session, ben: &mut Session, commit: &[u8], error: PeerMisbehaved) {
    let epoch = anna.epoch();
    for member in [&mut *anna, &mut *ben] {
        assert_eq!(member.process(commit, 0), Err(error.into()));
        assert_eq!(member.epoch(), epoch);
        assert_eq!(member.members().len(), 3);
    }
    let pending = anna.update().unwrap();
    accept(&mut [anna, ben], &pending, 0);
    assert_eq!(anna.call_code(), ben.call_code());
}

#[test]
fn a_rogue_that_keeps_the_rules_is_followed() {
    let (mut anna, mut ben, rogue, mut group) = with_rogue();
    let dora = Rogue::new(identity(participant(4), "Dora")).key_package();
    let psk = rogue.psk(&link_psk_id());
    let (commit, _) = rogue.commit(&mut group, [psk], [dora], LeafNodeParameters::default());
    for member in [&mut anna, &mut ben] {
        member.process(&commit, 0).unwrap();
        assert_eq!(names(member), ["Person 1", "Person 2", "Rogue", "Dora"]);
    }
}

#[test]
fn an_add_without_the_link_secret_is_refused() {
    let (mut anna, mut ben, rogue, mut group) = with_rogue();
    let dora = Rogue::new(identity(participant(4), "Dora")).key_package();
    let (commit, _) = rogue.commit(&mut group, [], [dora], LeafNodeParameters::default());
    refused(
        &mut anna,
        &mut ben,
        &commit,
        PeerMisbehaved::AddWithoutLinkSecret,
    );
}

#[test]
fn a_commit_with_another_psk_is_refused() {
    let (mut anna, mut ben, rogue, mut group) = with_rogue();
    kit::rogue::psk_id(&rogue.provider, b"other")
        .store(&rogue.provider, &[1; 32])
        .unwrap();
    let dora = Rogue::new(identity(participant(4), "Dora")).key_package();
    let psk = rogue.psk(b"other");
    let (commit, _) = rogue.commit(&mut group, [psk], [dora], LeafNodeParameters::default());
    // The PSK is unknown, so the commit cannot even be verified.
    refused(&mut anna, &mut ben, &commit, PeerMisbehaved::InvalidCommit);
}

#[test]
fn a_psk_without_an_add_is_refused() {
    let (mut anna, mut ben, rogue, mut group) = with_rogue();
    let psk = rogue.psk(&link_psk_id());
    let (commit, _) = rogue.commit(&mut group, [psk], [], LeafNodeParameters::default());
    refused(&mut anna, &mut ben, &commit, PeerMisbehaved::ForeignPsk);
}

#[test]
fn an_add_of_a_malformed_credential_is_refused() {
    for bad in [
        vec![],
        b"Dora".to_vec(),
        identity(participant(4), " Dora"),
        vec![2; 30],
    ] {
        let (mut anna, mut ben, rogue, mut group) = with_rogue();
        let psk = rogue.psk(&link_psk_id());
        let add = Rogue::new(bad).key_package();
        let (commit, _) = rogue.commit(&mut group, [psk], [add], LeafNodeParameters::default());
        refused(
            &mut anna,
            &mut ben,
            &commit,
            PeerMisbehaved::InvalidCredential,
        );
    }
}

#[test]
fn a_second_leaf_for_a_participant_is_refused() {
    let (mut anna, mut ben, rogue, mut group) = with_rogue();
    let psk = rogue.psk(&link_psk_id());
    let add = Rogue::new(identity(participant(2), "Person 2")).key_package();
    let (commit, _) = rogue.commit(&mut group, [psk], [add], LeafNodeParameters::default());
    refused(
        &mut anna,
        &mut ben,
        &commit,
        PeerMisbehaved::DuplicateParticipant,
    );

    let (mut anna, mut ben, rogue, mut group) = with_rogue();
    let psk = rogue.psk(&link_psk_id());
    let adds =
        ["Dora", "Dora too"].map(|name| Rogue::new(identity(participant(4), name)).key_package());
    let (commit, _) = rogue.commit(&mut group, [psk], adds, LeafNodeParameters::default());
    refused(
        &mut anna,
        &mut ben,
        &commit,
        PeerMisbehaved::DuplicateParticipant,
    );
}

#[test]
fn a_change_of_the_group_context_is_refused() {
    let (mut anna, mut ben, rogue, mut group) = with_rogue();
    let (commit, _, _) = group
        .commit_builder()
        .propose_group_context_extensions(Extensions::empty())
        .unwrap()
        .load_psks(rogue.provider.storage())
        .unwrap()
        .build(
            rogue.provider.rand(),
            rogue.provider.crypto(),
            &rogue.signer,
            |_| true,
        )
        .unwrap()
        .stage_commit(&rogue.provider)
        .unwrap()
        .into_messages();
    let commit = commit.to_bytes().unwrap();
    refused(
        &mut anna,
        &mut ben,
        &commit,
        PeerMisbehaved::ForbiddenProposal,
    );
}

#[test]
fn a_member_cannot_rename_itself_or_become_another() {
    for stolen in [
        identity(participant(3), "Doctor"),
        identity(participant(2), "Person 2"),
    ] {
        let (mut anna, mut ben, rogue, mut group) = with_rogue();
        let credential = CredentialWithKey {
            credential: BasicCredential::new(stolen).into(),
            signature_key: rogue.signer.public().into(),
        };
        let leaf = LeafNodeParameters::builder()
            .with_credential_with_key(credential)
            .build();
        let (commit, _) = rogue.commit(&mut group, [], [], leaf);
        refused(
            &mut anna,
            &mut ben,
            &commit,
            PeerMisbehaved::IdentityChanged,
        );
    }
}

#[test]
fn a_member_cannot_change_its_signature_key() {
    let (mut anna, mut ben, rogue, mut group) = with_rogue();
    let signer = SignatureKeyPair::new(kit::rogue::SUITE.signature_algorithm()).unwrap();
    let credential_with_key = CredentialWithKey {
        signature_key: signer.public().into(),
        ..rogue.credential()
    };
    let (commit, _, _) = group
        .commit_builder()
        .load_psks(rogue.provider.storage())
        .unwrap()
        .build_with_new_signer(
            rogue.provider.rand(),
            rogue.provider.crypto(),
            &rogue.signer,
            NewSignerBundle {
                signer: &signer,
                credential_with_key,
            },
            |_| true,
        )
        .unwrap()
        .stage_commit(&rogue.provider)
        .unwrap()
        .into_messages();
    let commit = commit.to_bytes().unwrap();
    refused(
        &mut anna,
        &mut ben,
        &commit,
        PeerMisbehaved::IdentityChanged,
    );
}

#[test]
fn what_is_no_commit_is_refused() {
    let (mut anna, mut ben, rogue, mut group) = with_rogue();
    let proposal = group
        .propose_self_update(
            &rogue.provider,
            &rogue.signer,
            LeafNodeParameters::default(),
        )
        .unwrap()
        .0;
    let application = {
        let mut group = MlsGroup::load(rogue.provider.storage(), group.group_id())
            .unwrap()
            .unwrap();
        group
            .clear_pending_proposals(rogue.provider.storage())
            .unwrap();
        group
            .create_message(&rogue.provider, &rogue.signer, b"text")
            .unwrap()
    };
    let welcome = {
        let mut carl = session(4);
        let knock = verified(&anna, &mut carl);
        let welcome = anna.admit(&[knock]).unwrap().welcome.unwrap();
        anna.discard_pending().unwrap();
        welcome
    };
    for message in [
        proposal.to_bytes().unwrap(),
        application.to_bytes().unwrap(),
        welcome,
    ] {
        refused_in_place(&mut anna, &message, PeerMisbehaved::NotACommit);
        refused_in_place(&mut ben, &message, PeerMisbehaved::NotACommit);
    }
}

#[test]
fn a_commit_of_a_proposal_sent_before_is_refused() {
    let (mut anna, _, rogue, mut group) = with_rogue();
    group
        .propose_self_update(
            &rogue.provider,
            &rogue.signer,
            LeafNodeParameters::default(),
        )
        .unwrap();
    group
        .clear_pending_proposals(rogue.provider.storage())
        .unwrap();
    group
        .propose_remove_member(
            &rogue.provider,
            &rogue.signer,
            openmls::prelude::LeafNodeIndex::new(1),
        )
        .unwrap();
    let (commit, _, _) = group
        .commit_to_pending_proposals(&rogue.provider, &rogue.signer)
        .unwrap();
    refused_in_place(
        &mut anna,
        &commit.to_bytes().unwrap(),
        PeerMisbehaved::InvalidCommit,
    );
}

#[test]
fn an_external_commit_is_refused() {
    let (mut anna, _, rogue, group) = with_rogue();
    let info = group
        .export_group_info(rogue.provider.crypto(), &rogue.signer, true)
        .unwrap()
        .to_bytes()
        .unwrap();
    let MlsMessageBodyIn::GroupInfo(info) = MlsMessageIn::tls_deserialize_exact(&info)
        .unwrap()
        .extract()
    else {
        panic!("no group info");
    };
    let outsider = Rogue::new(identity(participant(4), "Outside"));
    let (_, bundle) = MlsGroup::external_commit_builder()
        .build_group(&outsider.provider, info, outsider.credential())
        .unwrap()
        .leaf_node_parameters(
            LeafNodeParameters::builder()
                .with_capabilities(Capabilities::for_provider(outsider.provider.crypto()))
                .build(),
        )
        .load_psks(outsider.provider.storage())
        .unwrap()
        .build(
            outsider.provider.rand(),
            outsider.provider.crypto(),
            &outsider.signer,
            |_| true,
        )
        .unwrap()
        .finalize(&outsider.provider)
        .unwrap();
    let commit = bundle.into_commit().to_bytes().unwrap();
    refused_in_place(&mut anna, &commit, PeerMisbehaved::NotACommit);
}

fn refused_in_place(member: &mut Session, message: &[u8], error: PeerMisbehaved) {
    let epoch = member.epoch();
    assert_eq!(member.process(message, 0), Err(error.into()));
    assert_eq!(member.epoch(), epoch);
}
