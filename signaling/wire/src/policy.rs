//! Policies in the HTTP interface: `/api/v1/policies`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// By whom a policy was set.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySource {
    /// By nobody.
    Default,
    /// For the account.
    Account,
    /// For the organisation.
    Organisation,
    /// By the operator, for the server.
    Server,
}

/// A policy, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyEntry {
    /// What it is called.
    pub name: String,
    /// What holds: `yes`, `no` or a number.
    pub value: String,
    /// By whom that was set.
    pub source: PolicySource,
    /// Of a number the least that it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub least: Option<u32>,
    /// And the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub most: Option<u32>,
    /// What is set where was asked, whether it holds or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub set: Option<String>,
}

/// `GET` of `/api/v1/policies` and `/api/v1/accounts/{account}/policies`: all
/// policies there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyList {
    /// Each.
    pub policies: Vec<PolicyEntry>,
}

/// `PUT` of the same: all that is to be set there, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyRequest {
    /// Values by names.
    pub policies: BTreeMap<String, String>,
}
