//! What a directory says of people (System for Cross-domain Identity Management
//! 2.0, RFC 7643 and 7644), as directories really write it: attribute names and
//! operators in any case, booleans as text, objects without a path. What it says
//! of things that accounts do not have is passed over; `active` never is.

use super::account;
use conclave_wire::code::Code;
use serde_json::Value;

/// The schema of a user (RFC 7643 section 4.1).
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// Longest name that a directory has for somebody, in characters.
const MAX_EXTERNAL_ID: usize = 255;

/// Changes that one request may ask for.
const MAX_OPERATIONS: usize = 100;

/// What is refused, and what that is called (RFC 7644 section 3.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The request is not one of the protocol's.
    Syntax,
    /// A value that the attribute cannot have.
    Value,
    /// A filter that is not understood.
    Filter,
    /// The user name is another's.
    Uniqueness,
    /// Anything else.
    Other(Code),
}

impl Refused {
    /// What it is called there, if anything.
    pub fn scim_type(self) -> Option<&'static str> {
        match self {
            Self::Syntax => Some("invalidSyntax"),
            Self::Value => Some("invalidValue"),
            Self::Filter => Some("invalidFilter"),
            Self::Uniqueness => Some("uniqueness"),
            Self::Other(_) => None,
        }
    }

    /// What it is called here.
    pub fn code(self) -> Code {
        match self {
            Self::Syntax | Self::Value | Self::Filter => Code::BadMessage,
            Self::Uniqueness => Code::NameTaken,
            Self::Other(code) => code,
        }
    }
}

/// What is said of somebody: nothing of what is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The name to log in with, in the form that is kept.
    pub login: Option<String>,
    /// The person's name.
    pub name: Option<String>,
    /// What the directory calls them; nothing within: nothing any more.
    pub external_id: Option<Option<String>>,
    /// Whether they may log in.
    pub active: Option<bool>,
}

/// Whom a list is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Of all.
    All,
    /// Of who logs in with that name.
    Login(String),
    /// Of whom the directory calls that.
    ExternalId(String),
    /// Of nobody: the name is none that anyone could have.
    Nobody,
}

impl Said {
    /// A whole user, of `POST` and `PUT`.
    ///
    /// # Errors
    /// [`Refused::Syntax`] for what is none, [`Refused::Value`] for a value that
    /// does not fit.
    pub fn user(body: &Value) -> Result<Self, Refused> {
        let mut said = Self::default();
        said.take_object(body)?;
        match said.login {
            Some(_) => Ok(said),
            None => Err(Refused::Value),
        }
    }

    /// What a `PATCH` asks for (RFC 7644 section 3.5.2).
    ///
    /// # Errors
    /// As of [`Said::user`].
    pub fn patch(body: &Value) -> Result<Self, Refused> {
        let operations = member(body, "operations").and_then(Value::as_array);
        let operations = operations.ok_or(Refused::Syntax)?;
        if operations.is_empty() || operations.len() > MAX_OPERATIONS {
            return Err(Refused::Syntax);
        }
        let mut said = Self::default();
        for operation in operations {
            let op = member(operation, "op").and_then(Value::as_str);
            let path = match member(operation, "path") {
                None | Some(Value::Null) => None,
                Some(path) => Some(path.as_str().ok_or(Refused::Syntax)?),
            };
            let value = member(operation, "value");
            match (op.map(str::to_ascii_lowercase).as_deref(), path) {
                (Some("add" | "replace"), None) => {
                    said.take_object(value.ok_or(Refused::Syntax)?)?;
                }
                (Some("add" | "replace"), Some(path)) => {
                    said.take(path, value.ok_or(Refused::Syntax)?)?;
                }
                (Some("remove"), Some(path)) => said.take(path, &Value::Null)?,
                _ => return Err(Refused::Syntax),
            }
        }
        Ok(said)
    }

    fn take_object(&mut self, object: &Value) -> Result<(), Refused> {
        let object = object.as_object().ok_or(Refused::Syntax)?;
        for (name, value) in object {
            self.take(name, value)?;
        }
        Ok(())
    }

    fn take(&mut self, path: &str, value: &Value) -> Result<(), Refused> {
        let path = path.to_ascii_lowercase();
        let path = path.trim();
        let schema = USER.to_ascii_lowercase();
        let own = path.strip_prefix(&schema);
        let path = own.map_or(path, |path| path.trim_start_matches(':'));
        match path {
            "active" => self.active = Some(truth(value).ok_or(Refused::Value)?),
            "username" => {
                let login = value.as_str().and_then(account::login);
                self.login = Some(login.ok_or(Refused::Value)?);
            }
            "externalid" => {
                self.external_id = Some(match value {
                    Value::Null => None,
                    value => Some(text(value, |id| account::is_text(id, MAX_EXTERNAL_ID))?),
                });
            }
            // The name that is meant to be shown goes before its parts.
            "displayname" if !value.is_null() => self.name = Some(person(value)?),
            "name.formatted" if !value.is_null() && self.name.is_none() => {
                self.name = Some(person(value)?);
            }
            "name" if self.name.is_none() => self.name = whole(value)?,
            // A user within a schema's name (RFC 7643 section 3.3).
            "" => self.take_object(value)?,
            _ => {}
        }
        Ok(())
    }
}

impl Filter {
    /// The one comparison that directories ask for (RFC 7644 section 3.4.2.2).
    ///
    /// # Errors
    /// [`Refused::Filter`] for any other.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let mut words = text.trim().splitn(3, ' ');
        let (name, op, value) = (words.next(), words.next(), words.next());
        let (Some(name), Some(op), Some(value)) = (name, op, value) else {
            return Err(Refused::Filter);
        };
        let value: String = serde_json::from_str(value).map_err(|_| Refused::Filter)?;
        let name = name.to_ascii_lowercase();
        let schema = format!("{}:", USER.to_ascii_lowercase());
        let name = name.strip_prefix(&schema).unwrap_or(&name);
        match (name, op.to_ascii_lowercase().as_str()) {
            ("username", "eq") => Ok(account::login(&value).map_or(Self::Nobody, Self::Login)),
            ("externalid", "eq") => Ok(Self::ExternalId(value)),
            _ => Err(Refused::Filter),
        }
    }
}

/// A member of an object, its name in any case (RFC 7643 section 2.1).
fn member<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    let mut members = object.as_object()?.iter();
    let found = members.find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// Some directories write what is true or false as text.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn text(value: &Value, fits: impl FnOnce(&&str) -> bool) -> Result<String, Refused> {
    let text = value.as_str().map(str::trim).filter(fits);
    text.map(str::to_owned).ok_or(Refused::Value)
}

fn person(value: &Value) -> Result<String, Refused> {
    text(value, |text| account::is_name(text))
}

/// A name of its parts, if they are there.
fn whole(name: &Value) -> Result<Option<String>, Refused> {
    let part = |key| member(name, key).and_then(Value::as_str);
    let whole = match part("formatted") {
        Some(formatted) => formatted.to_owned(),
        None => {
            let parts = [part("givenname"), part("familyname")];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
    };
    match whole.trim().is_empty() {
        true => Ok(None),
        false => person(&Value::String(whole)).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn patched(operations: Value) -> Result<Said, Refused> {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
        Said::patch(&json!({ "schemas": schemas, "Operations": operations }))
    }

    #[test]
    fn a_leaver_is_one_however_the_directory_writes_it() {
        for operation in [
            // Okta.
            json!({ "op": "replace", "value": { "active": false } }),
            // Entra ID, with and without its flag for compliance.
            json!({ "op": "Replace", "path": "active", "value": "False" }),
            json!({ "op": "Replace", "value": { "active": "False" } }),
            json!({ "op": "Replace", "path": "active", "value": false }),
            json!({ "OP": "REPLACE", "PATH": "Active", "VALUE": "FALSE" }),
            json!({ "op": "add", "path": "active", "value": false }),
            json!({ "op": "replace", "path": format!("{USER}:active"), "value": false }),
            json!({ "op": "replace", "value": { format!("{USER}:active"): false } }),
            json!({ "op": "replace", "value": { USER: { "active": false } } }),
            json!({ "op": "replace", "path": null, "value": { "ACTIVE": false, "title": "x" } }),
        ] {
            let said = patched(json!([operation.clone()])).unwrap();
            let leaves = Said {
                active: Some(false),
                ..Said::default()
            };
            assert_eq!(said, leaves, "{operation}");
        }
    }

    #[test]
    fn what_does_not_say_whether_is_refused_and_not_passed_over() {
        for value in [
            json!("no"),
            json!(0),
            json!(null),
            json!([false]),
            json!({}),
        ] {
            let path = json!([{ "op": "replace", "path": "active", "value": value }]);
            assert_eq!(patched(path), Err(Refused::Value), "{value}");
            let bare = json!([{ "op": "replace", "value": { "active": value } }]);
            assert_eq!(patched(bare), Err(Refused::Value), "{value}");
        }
        let removed = json!([{ "op": "remove", "path": "active" }]);
        assert_eq!(patched(removed), Err(Refused::Value));
        for operations in [
            json!([]),
            json!({}),
            json!([1]),
            json!([{ "op": "move", "path": "active", "value": false }]),
            json!([{ "op": "replace", "path": "active" }]),
            json!([{ "op": "replace", "path": 1, "value": false }]),
            json!([{ "op": "replace", "value": false }]),
            json!([{ "op": "remove" }]),
            json!([{ "value": { "active": false } }]),
        ] {
            assert_eq!(
                patched(operations.clone()),
                Err(Refused::Syntax),
                "{operations}"
            );
        }
    }

    #[test]
    fn of_a_person_there_are_two_names_and_what_the_directory_calls_them() {
        let user = json!({
            "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
            "externalId": "00u1", "userName": "Anna.Berg@praxis.example", "active": true,
            "name": { "formatted": "Berg, Anna", "familyName": "Berg", "givenName": "Anna" },
            "displayName": "Dr. Anna Berg",
            "emails": [{ "primary": true, "type": "work", "value": "anna@praxis.example" }],
        });
        let said = Said::user(&user).unwrap();
        assert_eq!(said.login.as_deref(), Some("anna.berg@praxis.example"));
        assert_eq!(said.name.as_deref(), Some("Dr. Anna Berg"));
        assert_eq!(said.external_id, Some(Some("00u1".to_owned())));
        assert_eq!(said.active, Some(true));
        let name = |user: Value| Said::user(&user).map(|said| said.name);
        let parts =
            json!({ "userName": "a", "name": { "familyName": "Berg", "givenName": "Anna" } });
        assert_eq!(name(parts), Ok(Some("Anna Berg".to_owned())));
        assert_eq!(name(json!({ "userName": "a", "name": {} })), Ok(None));
        for bad in [
            json!({ "name": { "formatted": "Anna" } }),
            json!({ "userName": "a b" }),
            json!({ "userName": 1 }),
            json!({ "userName": "a", "displayName": "a\nb" }),
            json!({ "userName": "a", "externalId": "" }),
            json!({ "userName": "a", "active": "maybe" }),
        ] {
            assert_eq!(Said::user(&bad), Err(Refused::Value), "{bad}");
        }
        assert_eq!(Said::user(&json!([])), Err(Refused::Syntax));
        let cleared = json!([{ "op": "remove", "path": "externalId" }]);
        assert_eq!(patched(cleared).unwrap().external_id, Some(None));
    }

    #[test]
    fn a_filter_compares_one_of_two_names() {
        for (text, expected) in [
            (r#"userName eq "Anna""#, Filter::Login("anna".to_owned())),
            (r#"USERNAME Eq "anna""#, Filter::Login("anna".to_owned())),
            (r#"userName eq "an na""#, Filter::Nobody),
            (
                r#"externalId eq "a \" b""#,
                Filter::ExternalId("a \" b".to_owned()),
            ),
        ] {
            assert_eq!(Filter::parse(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "userName",
            "userName eq",
            "userName eq anna",
            r#"userName sw "a""#,
            r#"userName eq "a" or active eq true"#,
            r#"emails.value eq "a""#,
        ] {
            assert_eq!(Filter::parse(text), Err(Refused::Filter), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_filter_and_no_path_does_harm(text in "\\PC{0,80}") {
            let _ = Filter::parse(&text);
            let _ = patched(json!([{ "op": "replace", "path": text, "value": text }]));
        }
    }
}
