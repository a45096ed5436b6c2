//! What `check` warns of: nothing here refuses a request.

use std::collections::HashSet;

use decostop_profile::{Profile, Source};

use super::conditions::ConditionResult;
use super::scope::period;
use super::{Instant, ProjectRef, Request, Select, UserRef, events};

/// Warnings about a customer's request.
pub(super) fn of(
    request: &Request,
    profile: &Profile,
    now: Instant,
    results: &[ConditionResult],
) -> Vec<String> {
    let mut warnings = Vec::new();
    let scope = &request.scope;
    if scope.namespaces.is_empty() && scope.projects.is_empty() && scope.users.is_empty() {
        warnings.push("nothing is in scope: no record can be disclosed".to_owned());
    }
    for (place, select) in request.selects.iter().enumerate() {
        without_ids(request, select, place, &mut warnings);
        about_users(request, select, place, &mut warnings);
        fruitless(select, place, profile, &mut warnings);
    }
    partly_owned(request, &mut warnings);
    fresh(request, now, &mut warnings);
    for result in results
        .iter()
        .filter(|result| result.holds && result.excepted.is_some())
    {
        warnings.push(format!("the exception to {} is not needed", result.id));
    }
    warnings
}

/// Warnings about an ad-hoc look.
pub(super) fn ad_hoc(request: &Request, profile: &Profile, now: Instant) -> Vec<String> {
    let mut warnings = Vec::new();
    for (place, select) in request.selects.iter().enumerate() {
        if !select.namespaces.is_empty() {
            warnings.push(
                "records that carry only a project id are missed; a request can list the ids (scope.projects_file)".to_owned(),
            );
        }
        fruitless(select, place, profile, &mut warnings);
    }
    fresh(request, now, &mut warnings);
    warnings
}

/// Records that carry only a project id are found by id alone.
fn without_ids(request: &Request, select: &Select, place: usize, warnings: &mut Vec<String>) {
    let ids: Vec<String> = request
        .scope
        .projects
        .iter()
        .filter(|project| project.id.is_some())
        .flat_map(|project| project.formerly.iter().chain([&project.path]))
        .map(|path| path.to_lowercase())
        .collect();
    let below = |path: &str, parent: &str| {
        path.strip_prefix(parent)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let advice = "records that carry only a project id are missed; list the ids (scope.projects_file)";
    for namespace in &select.namespaces {
        let folded = namespace.to_lowercase();
        if !ids.iter().any(|path| below(path, &folded)) {
            warnings.push(format!(
                "select {}: the scope lists no project id in {namespace}: {advice}",
                place + 1
            ));
        }
    }
    for project in &select.projects {
        if let ProjectRef::Path(path) = project
            && !ids.contains(&path.to_lowercase())
        {
            warnings.push(format!(
                "select {}: the scope lists no id of {path}: {advice}",
                place + 1
            ));
        }
    }
}

fn about_users(request: &Request, select: &Select, place: usize, warnings: &mut Vec<String>) {
    let digits = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    if select
        .users
        .iter()
        .any(|user| matches!(user, UserRef::Name(name) if digits(name)))
    {
        warnings.push(format!(
            "select {}: a user name of digits only is read as a name; an id is written without quotes",
            place + 1
        ));
    }
    for user in &select.users {
        if let UserRef::Name(name) = user
            && may_be_no_user_name(name)
        {
            warnings.push(format!(
                "select {}: {name} is read as a user name; for an e-mail address, a display name or a global id give the \
                 user name, or the id without quotes",
                place + 1
            ));
        }
    }
    let names: HashSet<String> = request
        .scope
        .users
        .iter()
        .map(|user| user.username.to_lowercase())
        .collect();
    let personal = |path: &&String| {
        path.split('/')
            .next()
            .is_some_and(|root| names.contains(&root.to_lowercase()))
    };
    if let Some(path) = select.namespaces.iter().find(personal) {
        warnings.push(format!(
            "select {}: {path} is the personal namespace of a user of the scope and is treated as a user name",
            place + 1
        ));
    }
}

/// Whether a name has the form of an e-mail address, a display name or a global id (`gid://gitlab/User/1`,
/// `user-1`), by which nobody is selected.
fn may_be_no_user_name(name: &str) -> bool {
    let name = name.strip_prefix('@').unwrap_or(name);
    let digits = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    name.contains(|c: char| c == '@' || c.is_whitespace())
        || name.contains("://")
        || name.strip_prefix("user-").is_some_and(digits)
}

/// Events that no selected source logs, and sources that log none of the events.
fn fruitless(select: &Select, place: usize, profile: &Profile, warnings: &mut Vec<String>) {
    let place = place + 1;
    let chosen: Vec<&Source> = if select.sources.is_empty() {
        profile.sources.iter().collect()
    } else {
        select
            .sources
            .iter()
            .filter_map(|name| profile.source(name))
            .collect()
    };
    let mut idle = Vec::new();
    for source in &chosen {
        if events::raw_patterns(select, source, profile).is_empty() {
            idle.push(source.name.as_str());
        }
    }
    if idle.len() == chosen.len() {
        warnings.push(format!(
            "select {place}: none of its sources logs any of its events: it can match nothing"
        ));
        return;
    }
    if !select.sources.is_empty() && !idle.is_empty() {
        warnings.push(format!(
            "select {place}: {} logs none of its events",
            idle.join(", ")
        ));
    }
    for pattern in select
        .events
        .iter()
        .filter(|pattern| !pattern.starts_with(events::RAW))
    {
        let alone = std::slice::from_ref(pattern);
        if chosen
            .iter()
            .all(|source| events::raw_patterns_of(alone, source, profile).is_empty())
        {
            warnings.push(format!("select {place}: none of its sources logs {pattern}"));
        }
    }
}

/// Entries of the scope that are owned for a part of the window only.
fn partly_owned(request: &Request, warnings: &mut Vec<String>) {
    let cut = |since: &Option<String>, until: &Option<String>| {
        let (since, until) = period(since.as_deref(), until.as_deref());
        let window = request.window;
        since.zip(window.from).is_some_and(|(since, from)| since > from)
            || until.zip(window.to).is_some_and(|(until, to)| until < to)
    };
    let scope = &request.scope;
    let paths = scope
        .namespaces
        .iter()
        .filter(|entry| cut(&entry.since, &entry.until))
        .map(|entry| &entry.path)
        .chain(
            scope
                .projects
                .iter()
                .filter(|entry| cut(&entry.since, &entry.until))
                .map(|entry| &entry.path),
        );
    for path in paths {
        warnings.push(format!(
            "{path} is in scope for a part of the window only; before and after it is foreign"
        ));
    }
    let users = scope
        .users
        .iter()
        .filter(|entry| cut(&entry.since, &entry.until))
        .count();
    if users > 0 {
        warnings.push(format!(
            "{users} users are in scope for a part of the window only"
        ));
    }
}

/// Inputs that are still being written.
fn fresh(request: &Request, now: Instant, warnings: &mut Vec<String>) {
    if request.window.to.is_none_or(|to| to > now.hours_before(1)) {
        let open = if request.window.to.is_none() {
            "is open"
        } else {
            "ends less than an hour ago"
        };
        warnings.push(format!("the window {open}: inputs may still be being written"));
    }
}
