//! The conditions that a request must meet, and the route that follows from it.
//!
//! Each condition is told one by one, with what would make it hold. One that does not hold refuses
//! the request unless an `[[exception]]` names it. An ad-hoc look has no conditions.
//!
//! Decided here, where the contract leaves room:
//! - `resources.listed`: the request names a namespace, project or user, and *every* select is
//!   bounded by one of them, an address, a token id or a correlation id. A select of events alone
//!   would match everything that may be disclosed.
//! - `events.listed`: every select names an event. One that names none matches all of them, which
//!   `raw:*` says openly and `events.few` counts.
//! - A scope entry whose validity (`since`, `until`) does not touch the window is not owned.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use decostop_profile::{Profile, Scope};
use serde::Serialize;

use super::scope::period;
use super::{Instant, ProjectRef, Request, Select, UserRef, Window, events};
use crate::{Error, ErrorKind};

/// The plan is eligible and paid.
pub const PLAN_ELIGIBLE: &str = "plan.eligible";
/// The request says where the ownership is known from.
pub const SCOPE_EVIDENCED: &str = "scope.evidenced";
/// Selected namespaces and projects lie inside the scope.
pub const SCOPE_OWNED: &str = "scope.owned";
/// The window is at most a month back, and not in the future.
pub const WINDOW_LONGEST: &str = "window.longest";
/// Resources are named.
pub const RESOURCES_LISTED: &str = "resources.listed";
/// Not too many resources.
pub const RESOURCES_FEW: &str = "resources.few";
/// Events are named.
pub const EVENTS_LISTED: &str = "events.listed";
/// Not too many events.
pub const EVENTS_FEW: &str = "events.few";

/// Every condition, in the order in which they are told.
pub const IDS: [&str; 8] = [
    PLAN_ELIGIBLE,
    SCOPE_EVIDENCED,
    SCOPE_OWNED,
    WINDOW_LONGEST,
    RESOURCES_LISTED,
    RESOURCES_FEW,
    EVENTS_LISTED,
    EVENTS_FEW,
];

/// Not a condition of the request but a rule of every dive; an exception may name it, which allows
/// records of in-scope users on foreign resources.
pub const NEXUS: &str = "scope.nexus";

/// Who works on a request and reviews it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Route {
    /// The security team.
    Sirt,
    /// Support.
    Support,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sirt => "sirt",
            Self::Support => "support",
        })
    }
}

/// Why a condition does not refuse the request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Excepted {
    /// Who approved it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What became of one condition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConditionResult {
    /// Its id.
    pub id: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// The exception that names it, whether or not it holds.
    pub excepted: Option<Excepted>,
    /// Why it holds, or how to make it hold.
    pub detail: String,
}

impl ConditionResult {
    /// Whether the request is refused for it.
    pub fn refuses(&self) -> bool {
        !self.holds && self.excepted.is_none()
    }
}

/// What the conditions make of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Assessment {
    /// Every condition; none for an ad-hoc look.
    pub results: Vec<ConditionResult>,
    /// The route that follows.
    pub route: Route,
    /// Why it is `sirt`; empty for `support`.
    pub route_reasons: Vec<String>,
    /// What may go wrong although nothing forbids it.
    pub warnings: Vec<String>,
    /// Whether every condition holds or is set aside.
    pub accepted: bool,
}

impl Assessment {
    /// The assessment of a request as JSON: `request`, `accepted`, `route`, `route_reasons`, `conditions`
    /// (`id`, `holds`, `detail`, `exception`), `warnings`.
    pub fn to_json(&self, request: &Request) -> String {
        let told = Told::new(request, self);
        serde_json::to_string_pretty(&told).expect("text and truth values can be written")
    }

    /// The error that refuses the request, if one of its conditions does.
    pub fn refusal(&self) -> Option<Error> {
        let failed: Vec<String> = self
            .results
            .iter()
            .filter(|result| result.refuses())
            .map(|result| format!("{}: {}", result.id, result.detail))
            .collect();
        (!failed.is_empty()).then(|| {
            Error::new(
                ErrorKind::Refused,
                format!("the request is refused: {}", failed.join("; ")),
            )
            .hint("`decostop check` tells every condition; an [[exception]] sets one aside")
        })
    }
}

/// Whether a condition holds, and why or what to do.
type Finding = (bool, String);

/// Checks every condition at the time `now`.
pub fn check(request: &Request, profile: &Profile, now: Instant) -> Assessment {
    if request.ad_hoc {
        return Assessment {
            results: Vec::new(),
            route: Route::Support,
            route_reasons: Vec::new(),
            warnings: super::warnings::ad_hoc(request, profile, now),
            accepted: true,
        };
    }
    let results: Vec<ConditionResult> = IDS
        .into_iter()
        .map(|id| {
            let (holds, detail) = match id {
                PLAN_ELIGIBLE => plan_eligible(request, profile),
                SCOPE_EVIDENCED => scope_evidenced(request),
                SCOPE_OWNED => scope_owned(request),
                WINDOW_LONGEST => window_longest(request, now),
                RESOURCES_LISTED => resources_listed(request),
                RESOURCES_FEW => resources_few(request, profile),
                EVENTS_LISTED => events_listed(request),
                _ => events_few(request, profile),
            };
            let excepted = request.exception(id).map(|exception| Excepted {
                by: exception.approved_by.clone(),
                reason: exception.reason.clone(),
            });
            ConditionResult {
                id,
                holds,
                excepted,
                detail,
            }
        })
        .collect();
    let route_reasons = route_reasons(request, profile);
    Assessment {
        route: if route_reasons.is_empty() {
            Route::Support
        } else {
            Route::Sirt
        },
        route_reasons,
        warnings: super::warnings::of(request, profile, now, &results),
        accepted: !results.iter().any(ConditionResult::refuses),
        results,
    }
}

fn plan_eligible(request: &Request, profile: &Profile) -> Finding {
    let (plan, billing) = request.customer.as_ref().map_or(("", ""), |customer| {
        (customer.plan.as_str(), customer.billing.as_str())
    });
    let (plans, states) = (&profile.conditions.plans, &profile.conditions.billing);
    let among = |list: &[String], word: &str| list.iter().any(|known| *known == word.to_lowercase());
    let mut wrong = Vec::new();
    if !among(plans, plan) {
        wrong.push(format!(
            "the plan \"{plan}\" is not eligible ({} are)",
            plans.join(", ")
        ));
    }
    if !among(states, billing) {
        wrong.push(format!(
            "the billing state \"{billing}\" is not eligible ({} is)",
            states.join(", ")
        ));
    }
    if wrong.is_empty() {
        (true, format!("{plan}, {billing}"))
    } else {
        (false, wrong.join("; "))
    }
}

fn scope_evidenced(request: &Request) -> Finding {
    if request.evidence.trim().is_empty() {
        let advice =
            "say in scope.evidence where the ownership is known from, such as an export and its date";
        return (false, advice.to_owned());
    }
    (true, format!("by {}", request.evidence))
}

fn scope_owned(request: &Request) -> Finding {
    let owned = Owned::new(&request.scope, request.window);
    let mut foreign: BTreeSet<String> = BTreeSet::new();
    let mut named = 0;
    for select in &request.selects {
        named += select.namespaces.len() + select.projects.len();
        for path in &select.namespaces {
            if !owned.namespace(path) {
                let kind = if owned.project_path(path) {
                    " (a project: name it under projects)"
                } else {
                    ""
                };
                foreign.insert(format!("namespace {path}{kind}"));
            }
        }
        for project in &select.projects {
            match project {
                ProjectRef::Path(path) if !owned.project(path) => foreign.insert(format!("project {path}")),
                ProjectRef::Id(id) if !owned.project_id(*id) => foreign.insert(format!("project {id}")),
                _ => false,
            };
        }
    }
    match foreign.len() {
        0 if named == 0 => (true, "no namespace or project is selected".to_owned()),
        0 => (
            true,
            format!("all {named} selected namespaces and projects lie inside the scope"),
        ),
        more => {
            let shown: Vec<String> = foreign.into_iter().take(5).collect();
            let rest = if more > shown.len() {
                format!(" and {} more", more - shown.len())
            } else {
                String::new()
            };
            let advice = "list them in the scope if the customer owns them in this window, or select others";
            (
                false,
                format!("outside the scope: {}{rest}; {advice}", shown.join(", ")),
            )
        }
    }
}

fn window_longest(request: &Request, now: Instant) -> Finding {
    let asked = request.requested_at;
    let earliest = asked.month_before();
    let mut wrong = Vec::new();
    if asked > now {
        wrong.push("requested_at lies in the future".to_owned());
    }
    match request.window.from {
        None => wrong.push(format!(
            "window.from is missing; it may be no earlier than {earliest}"
        )),
        Some(from) if from < earliest => {
            wrong.push(format!("window.from is more than one calendar month before requested_at; it may be no earlier than {earliest}"));
        }
        Some(_) => {}
    }
    match request.window.to {
        None => wrong.push(format!("window.to is missing; it may be no later than {asked}")),
        Some(to) => {
            if request.window.from.is_some_and(|from| to <= from) {
                wrong.push("window.to does not lie after window.from".to_owned());
            }
            if to > asked {
                wrong.push(format!(
                    "window.to lies after requested_at; it may be no later than {asked}"
                ));
            }
        }
    }
    if wrong.is_empty() {
        return (true, format!("within one calendar month before {asked}"));
    }
    (false, wrong.join("; "))
}

/// Whether a select names a namespace, project or user.
pub(super) fn names_resource(select: &Select) -> bool {
    !(select.namespaces.is_empty() && select.projects.is_empty() && select.users.is_empty())
}

fn resources_listed(request: &Request) -> Finding {
    if !request.selects.iter().any(names_resource) {
        return (
            false,
            "name at least one namespace, project or user in a [[select]]".to_owned(),
        );
    }
    let unbounded = |select: &Select| {
        !names_resource(select)
            && select.ips.is_empty()
            && select.token_ids.is_empty()
            && select.correlation_ids.is_empty()
    };
    match request.selects.iter().position(unbounded) {
        None => (true, "every select is bounded".to_owned()),
        Some(place) => (
            false,
            format!(
                "select {} names no namespace, project or user (nor an address, token or correlation id)",
                place + 1
            ),
        ),
    }
}

fn resources_few(request: &Request, profile: &Profile) -> Finding {
    #[derive(Eq, Ord, PartialEq, PartialOrd)]
    enum Resource {
        Namespace(String),
        Project(ProjectRef),
        User(UserRef),
    }
    let mut named = BTreeSet::new();
    for select in &request.selects {
        named.extend(
            select
                .namespaces
                .iter()
                .map(|path| Resource::Namespace(path.to_lowercase())),
        );
        named.extend(select.projects.iter().map(|project| {
            Resource::Project(match project {
                ProjectRef::Path(path) => ProjectRef::Path(path.to_lowercase()),
                ProjectRef::Id(id) => ProjectRef::Id(*id),
            })
        }));
        named.extend(select.users.iter().map(|user| {
            Resource::User(match user {
                UserRef::Name(name) => UserRef::Name(name.to_lowercase()),
                UserRef::Id(id) => UserRef::Id(*id),
            })
        }));
    }
    let (count, limit) = (named.len(), profile.conditions.max_resources);
    if count <= limit {
        return (true, format!("{count} of at most {limit}"));
    }
    (
        false,
        format!(
            "{count} namespaces, projects and users are named, at most {limit} may be; a namespace stands for everything below it"
        ),
    )
}

fn events_listed(request: &Request) -> Finding {
    if request.selects.is_empty() {
        return (
            false,
            "name at least one event in a [[select]]; `decostop events` lists them".to_owned(),
        );
    }
    match request.selects.iter().position(|select| select.events.is_empty()) {
        None => (true, "every select names events".to_owned()),
        Some(place) => (
            false,
            format!(
                "select {} names no event, which would match all; `decostop events` lists them",
                place + 1
            ),
        ),
    }
}

fn events_few(request: &Request, profile: &Profile) -> Finding {
    let patterns = request
        .selects
        .iter()
        .flat_map(|select| &select.events)
        .map(String::as_str);
    let limit = profile.conditions.max_events;
    if events::names_everything(patterns.clone()) {
        return (
            false,
            format!("raw:* is every event, at most {limit} may be named"),
        );
    }
    let named = events::count(patterns, profile).named;
    if named <= limit {
        return (true, format!("{named} of at most {limit}"));
    }
    (
        false,
        format!(
            "{named} events are named, at most {limit} may be; a glob counts as the events that it matches"
        ),
    )
}

fn route_reasons(request: &Request, profile: &Profile) -> Vec<String> {
    let mut reasons = Vec::new();
    let days = profile.conditions.support_days;
    let near = request.requested_at.days_before(days);
    if request.window.from.is_none_or(|from| from < near) {
        reasons.push(format!(
            "the window reaches more than {days} days back from requested_at"
        ));
    }
    if request.disclosure.personal_data {
        reasons.push("personal data is asked for".to_owned());
    }
    let named: BTreeSet<&str> = request
        .selects
        .iter()
        .flat_map(|select| &select.sources)
        .map(String::as_str)
        .collect();
    for name in named {
        if profile.source(name).is_some_and(|source| source.access_log) {
            reasons.push(format!("the access log {name} is selected"));
        }
    }
    reasons
}

/// The scope, for questions about paths. Compares case-insensitively at `/` boundaries.
pub(super) struct Owned {
    namespaces: HashMap<String, bool>,
    projects: HashMap<String, bool>,
    ids: HashMap<u64, bool>,
}

impl Owned {
    /// Every entry, with whether its validity touches the window.
    pub(super) fn new(scope: &Scope, window: Window) -> Self {
        let mut owned = Self {
            namespaces: HashMap::new(),
            projects: HashMap::new(),
            ids: HashMap::new(),
        };
        for entry in &scope.namespaces {
            let live = touches(entry.since.as_deref(), entry.until.as_deref(), window);
            for path in entry
                .formerly
                .iter()
                .chain([&entry.path])
                .filter(|path| !path.is_empty())
            {
                *owned.namespaces.entry(path.to_lowercase()).or_default() |= live;
            }
        }
        for entry in &scope.projects {
            let live = touches(entry.since.as_deref(), entry.until.as_deref(), window);
            for path in entry
                .formerly
                .iter()
                .chain([&entry.path])
                .filter(|path| !path.is_empty())
            {
                *owned.projects.entry(path.to_lowercase()).or_default() |= live;
            }
            if let Some(id) = entry.id {
                *owned.ids.entry(id).or_default() |= live;
            }
        }
        owned
    }

    /// Whether a namespace is one of the scope or lies below one.
    pub(super) fn namespace(&self, path: &str) -> bool {
        let folded = path.to_lowercase();
        let mut parent = Some(folded.as_str());
        while let Some(path) = parent {
            if self.namespaces.get(path) == Some(&true) {
                return true;
            }
            parent = path.rsplit_once('/').map(|(parent, _)| parent);
        }
        false
    }

    fn project_path(&self, path: &str) -> bool {
        self.projects.get(&path.to_lowercase()) == Some(&true)
    }

    /// Whether a project is one of the scope or lies below one of its namespaces.
    pub(super) fn project(&self, path: &str) -> bool {
        let parent = path.rsplit_once('/').map(|(parent, _)| parent);
        self.project_path(path) || parent.is_some_and(|parent| self.namespace(parent))
    }

    /// Whether the id is that of a project of the scope.
    pub(super) fn project_id(&self, id: u64) -> bool {
        self.ids.get(&id) == Some(&true)
    }
}

fn touches(since: Option<&str>, until: Option<&str>, window: Window) -> bool {
    let (since, until) = period(since, until);
    let starts = since.is_none_or(|since| window.to.is_none_or(|to| since < to));
    let ends = until.is_none_or(|until| window.from.is_none_or(|from| from < until));
    starts && ends
}

#[derive(Serialize)]
struct Told<'a> {
    request: &'a str,
    accepted: bool,
    route: String,
    route_reasons: &'a [String],
    conditions: Vec<Condition<'a>>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Condition<'a> {
    id: &'a str,
    holds: bool,
    detail: &'a str,
    exception: Option<Exception<'a>>,
}

#[derive(Serialize)]
struct Exception<'a> {
    reason: &'a str,
    approved_by: &'a str,
}

impl<'a> Told<'a> {
    fn new(request: &'a Request, assessment: &'a Assessment) -> Self {
        let conditions = assessment.results.iter().map(|result| Condition {
            id: result.id,
            holds: result.holds,
            detail: &result.detail,
            exception: result.excepted.as_ref().map(|excepted| Exception {
                reason: &excepted.reason,
                approved_by: &excepted.by,
            }),
        });
        Self {
            request: &request.id,
            accepted: assessment.accepted,
            route: assessment.route.to_string(),
            route_reasons: &assessment.route_reasons,
            conditions: conditions.collect(),
            warnings: &assessment.warnings,
        }
    }
}
