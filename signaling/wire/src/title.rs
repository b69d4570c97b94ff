//! What the codes mean to people: one sentence each, in every language. The
//! English ones stand beside the codes themselves.

use crate::code::Code;
use crate::http::Language;
use std::borrow::Cow;

impl Code {
    /// The sentence for people.
    pub fn title(self, language: Language) -> Cow<'static, str> {
        match language {
            Language::En => self.to_string().into(),
            Language::De => self.german().into(),
        }
    }

    /// A code without a sentence does not compile.
    fn german(self) -> &'static str {
        match self {
            Self::BadMessage => "die Nachricht ist keine des Protokolls",
            Self::TooLarge => "die Nachricht oder eines ihrer Felder ist zu groß",
            Self::TooMany => "zu viele Nachrichten; bitte langsamer",
            Self::NoSuchRoom => "diesen Raum gibt es nicht",
            Self::Unauthorized => "die Anmeldung fehlt oder ist nicht gültig",
            Self::FactorNeeded => "der zweite Faktor des Kontos wird gebraucht",
            Self::FactorWrong => {
                "der Code des zweiten Faktors ist falsch oder wurde schon verwendet"
            }
            Self::FactorSet => "das Konto hat schon einen zweiten Faktor",
            Self::LoginFailed => "die Anmeldung über die Organisation ist nicht gelungen",
            Self::LoginExpired => {
                "die Anmeldung hat zu lange gedauert oder in einem anderen Browser begonnen"
            }
            Self::PasskeyRefused => {
                "der Passkey ist hier nicht bekannt oder hat nicht bestätigt, wonach gefragt war"
            }
            Self::PasskeysElsewhere => "Passkeys gelten nur unter dem eigenen Namen des Servers",
            Self::LoginNotRecent => {
                "dafür muss die Anmeldung wenige Minuten her sein; bitte neu anmelden"
            }
            Self::TooManyPasskeys => {
                "das Konto hat so viele Passkeys, wie es haben darf; bitte einen entfernen"
            }
            Self::NoSuchPasskey => "diesen Passkey gibt es nicht",
            Self::ProviderUnavailable => "der Anmeldedienst der Organisation antwortet nicht",
            Self::ExternalAccount => {
                "das Konto ist eines des Anmeldedienstes der Organisation und wird dort geändert"
            }
            Self::PasswordUnfit => "das neue Passwort ist zu kurz oder zu lang",
            Self::PasswordNeeded => "der Link braucht sein Passwort",
            Self::PasswordWrong => "das Passwort ist falsch",
            Self::LinkLocked => {
                "falsche Passwörter haben den Link gesperrt; ein Gastgeber oder der Betreiber kann ihn entsperren"
            }
            Self::RoomLocked => "ein Gastgeber hat den Raum abgeschlossen",
            Self::LinkNeeded => "die Gäste des Raums kommen mit eigenen Links",
            Self::NoSuchLink => "diesen Link hat der Raum nicht",
            Self::LinkEarly => "der Link öffnet noch nicht",
            Self::LinkExpired => "die Zeit des Links ist vorbei",
            Self::LinkUsed => "der Link ist verbraucht",
            Self::LinkRevoked => "der Link wurde zurückgezogen",
            Self::SlotTooFar => "das Zeitfenster beginnt zu spät",
            Self::LinkDraft => "der Link ist noch nicht ausgegeben",
            Self::ConsentNeeded => "der Link öffnet, sobald sein Gast eingewilligt hat",
            Self::ConsentWithdrawn => {
                "die Einwilligung wurde widerrufen, und der Link ist geschlossen"
            }
            Self::ConsentOutdated => "der Text hat sich inzwischen geändert",
            Self::NoConsentNeeded => "der Link braucht keine Einwilligung",
            Self::NoConsentText => {
                "es gibt keinen Text, in den eingewilligt werden kann: der Betreiber muss einen setzen"
            }
            Self::NoPassword => "die Links des Raums haben kein Passwort",
            Self::NoPasswordEndpoint => {
                "die Organisation hat keinen Dienst, der Passwörter verschickt"
            }
            Self::PasswordNotTaken => {
                "der Dienst der Organisation hat das Passwort nicht angenommen"
            }
            Self::NotScheduled => {
                "der Raum nimmt Gäste mit seinem eigenen Link und hat keine anderen"
            }
            Self::NoSuchAccount => "dieses Konto gibt es nicht",
            Self::LastAdministrator => {
                "die Organisation hat keinen anderen Administrator, der sich anmelden kann"
            }
            Self::NoSuchTenant => "diese Organisation gibt es nicht",
            Self::NameTaken => "der Name ist vergeben",
            Self::TenantInUse => "die Organisation hat noch Räume oder ist die, die bleibt",
            Self::QuotaReached => "die Organisation hat so viel, wie sie haben darf",
            Self::NoSuchDevice => "dieses Gerät gibt es nicht",
            Self::TooManyDevices => {
                "das Konto hat so viele Geräte, wie es haben darf; bitte eines sperren"
            }
            Self::DeviceNeeded => "die Sitzung hat nicht gesagt, auf welchem Gerät sie ist",
            Self::ProofWrong => "die Signatur beweist nicht, wer den Schlüssel hat",
            Self::OtherDevice => "die Teilnahme ist schon für ein anderes Gerät bestätigt",
            Self::CertificateNeeded => {
                "das können in diesem Raum nur Geräte, die die Organisation bestätigt hat"
            }
            Self::NotListed => "die Gespräche dieses Raums sind für Personen auf seiner Liste",
            Self::MarkingUnfit => {
                "eine Einstufung hat 1 bis 32 Zeichen und ist für Räume ohne Sprechstunde und ohne Links für Gäste"
            }
            Self::PolicyUnknown => "diese Richtlinie gibt es nicht",
            Self::PolicyValue => "diesen Wert kann die Richtlinie nicht haben",
            Self::PolicyForbids => "eine Richtlinie verbietet es",
            Self::NoSuchWebhook => "diesen Empfänger für Ereignisse gibt es nicht",
            Self::WebhookAddress => "an diese Adresse können keine Ereignisse gesendet werden",
            Self::KeyReused => "eine andere Anfrage hatte diesen Idempotency-Key",
            Self::KeyInUse => "die Anfrage mit diesem Idempotency-Key ist nicht zu Ende gekommen",
            Self::Forbidden => "in der Rolle oder im Zustand des Absenders nicht erlaubt",
            Self::Gone => "dieser Aufenthalt im Gespräch ist vorbei",
            Self::NoCall => "in diesem Raum ist kein Gespräch",
            Self::CallRunning => "in diesem Raum ist schon ein Gespräch",
            Self::StaleEpoch => "die Epoche des Commits ist vorbei",
            Self::NoSuchParticipant => "keinen solchen Teilnehmer in diesem Zustand",
            Self::Full => "voll",
            Self::PeopleLimit => "das Gespräch des Raums ist für nicht mehr Menschen",
            Self::BadOffer => "das SDP-Angebot verletzt die Regeln des Protokolls",
            Self::UnsupportedMedia => "nichts in dem Angebot wird unterstützt",
            Self::MediaUnavailable => "der Medienserver antwortet nicht",
            Self::NotFound => "das gibt es hier nicht",
            Self::MethodNotAllowed => "diese Methode gibt es hier nicht",
            Self::Internal => "der Server hat versagt; bitte noch einmal versuchen",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use utoipa::PartialSchema as _;

    /// All codes, as the document lists them.
    fn all() -> Vec<Code> {
        let schema = serde_json::to_value(Code::schema()).expect("a schema");
        serde_json::from_value(schema["enum"].clone()).expect("codes")
    }

    #[test]
    fn every_code_has_a_sentence_of_its_own_in_each_language() {
        assert!(all().len() > 40);
        let mut seen = BTreeSet::new();
        for code in all() {
            for language in [Language::De, Language::En] {
                let title = code.title(language);
                assert!(!title.trim().is_empty() && !title.ends_with('.'), "{title}");
                assert!(seen.insert(title.clone()), "{title} is said twice");
            }
        }
    }

    #[test]
    fn the_code_in_rust_is_the_code_on_the_wire() {
        for code in all() {
            let wire = serde_json::to_value(code).expect("serialises");
            assert_eq!(wire, code.as_str());
        }
    }
}
