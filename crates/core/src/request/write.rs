//! A request as TOML, everything spelled out.

use decostop_profile::Scope;
use serde::Serialize;
use toml::value::Datetime;

use super::{Customer, Exclude, Instant, ProjectRef, Request, Select, UserRef};
use crate::{Error, ErrorKind};

/// Writes the request so that reading it gives an equal one.
pub(super) fn toml(request: &Request) -> Result<String, Error> {
    let document = Document {
        version: request.version,
        id: &request.id,
        requested_at: time(request.requested_at),
        ad_hoc: request.ad_hoc.then_some(true),
        customer: request.customer.as_ref().map(customer),
        scope: scope(&request.scope, &request.evidence),
        window: Window {
            from: request.window.from.and_then(time),
            to: request.window.to.and_then(time),
        },
        select: request.selects.iter().map(select).collect(),
        disclosure: Disclosure {
            personal_data: request.disclosure.personal_data,
        },
        exception: request.exceptions.iter().map(exception).collect(),
    };
    toml::to_string(&document).map_err(|_| {
        Error::new(
            ErrorKind::Internal,
            "the request holds a value that TOML cannot write",
        )
    })
}

#[derive(Serialize)]
struct Document<'r> {
    version: u32,
    id: &'r str,
    requested_at: Option<Datetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ad_hoc: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerTable<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<ScopeTable<'r>>,
    window: Window,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    select: Vec<SelectTable<'r>>,
    disclosure: Disclosure,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exception: Vec<ExceptionTable<'r>>,
}

#[derive(Serialize)]
struct CustomerTable<'r> {
    name: &'r str,
    plan: &'r str,
    billing: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'r str>,
}

#[derive(Serialize)]
struct ScopeTable<'r> {
    #[serde(skip_serializing_if = "str::is_empty")]
    evidence: &'r str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    namespaces: &'r [decostop_profile::NamespaceScope],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    projects: &'r [decostop_profile::ProjectScope],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    users: &'r [decostop_profile::UserScope],
}

#[derive(Serialize)]
struct Window {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Datetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Datetime>,
}

#[derive(Serialize)]
struct Disclosure {
    personal_data: bool,
}

#[derive(Serialize)]
struct ExceptionTable<'r> {
    condition: &'r str,
    reason: &'r str,
    approved_by: &'r str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Key<'r> {
    Id(u64),
    Text(&'r str),
}

#[derive(Serialize)]
struct SelectTable<'r> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    namespaces: &'r [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    projects: Vec<Key<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<Key<'r>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    events: &'r [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sources: &'r [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ips: Vec<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    token_ids: &'r [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    correlation_ids: &'r [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    exclude: Option<ExcludeTable<'r>>,
}

#[derive(Serialize)]
struct ExcludeTable<'r> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    namespaces: &'r [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    projects: Vec<Key<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<Key<'r>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    events: &'r [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ips: Vec<String>,
}

fn time(at: Instant) -> Option<Datetime> {
    at.to_datetime()
}

fn customer(customer: &Customer) -> CustomerTable<'_> {
    CustomerTable {
        name: &customer.name,
        plan: &customer.plan,
        billing: &customer.billing,
        reference: customer.reference.as_deref(),
    }
}

fn scope<'r>(scope: &'r Scope, evidence: &'r str) -> Option<ScopeTable<'r>> {
    let table = ScopeTable {
        evidence,
        namespaces: &scope.namespaces,
        projects: &scope.projects,
        users: &scope.users,
    };
    (*scope != Scope::default() || !evidence.is_empty()).then_some(table)
}

fn select(select: &Select) -> SelectTable<'_> {
    SelectTable {
        namespaces: &select.namespaces,
        projects: projects(&select.projects),
        users: users(&select.users),
        events: &select.events,
        sources: &select.sources,
        ips: ips(&select.ips),
        token_ids: &select.token_ids,
        correlation_ids: &select.correlation_ids,
        exclude: (select.exclude != Exclude::default()).then(|| exclude(&select.exclude)),
    }
}

fn exclude(exclude: &Exclude) -> ExcludeTable<'_> {
    ExcludeTable {
        namespaces: &exclude.namespaces,
        projects: projects(&exclude.projects),
        users: users(&exclude.users),
        events: &exclude.events,
        ips: ips(&exclude.ips),
    }
}

fn exception(exception: &super::Exception) -> ExceptionTable<'_> {
    ExceptionTable {
        condition: &exception.condition,
        reason: &exception.reason,
        approved_by: &exception.approved_by,
    }
}

fn projects(projects: &[ProjectRef]) -> Vec<Key<'_>> {
    let key = |project| match project {
        &ProjectRef::Id(id) => Key::Id(id),
        ProjectRef::Path(path) => Key::Text(path),
    };
    projects.iter().map(key).collect()
}

fn users(users: &[UserRef]) -> Vec<Key<'_>> {
    let key = |user| match user {
        &UserRef::Id(id) => Key::Id(id),
        UserRef::Name(name) => Key::Text(name),
    };
    users.iter().map(key).collect()
}

/// A range of one address is written as the address.
fn ips(ips: &[ipnet::IpNet]) -> Vec<String> {
    let text = |net: &ipnet::IpNet| {
        if net.prefix_len() == net.max_prefix_len() {
            net.addr().to_string()
        } else {
            net.to_string()
        }
    };
    ips.iter().map(text).collect()
}
