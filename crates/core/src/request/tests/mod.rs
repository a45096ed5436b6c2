//! Tests of the request as a whole; those of one small part stand beside it.

use std::path::Path;

use decostop_profile::Profile;

use super::{Instant, Request};
use crate::Error;

mod bad;
mod conditions;
mod events;
mod files;
mod gitlab;
mod good;
mod round_trip;
mod schema;

const PROFILE: &str = r#"
version = 1
name = "test"

[conditions]
plans = ["premium", "ultimate"]
billing = ["paid"]
max_resources = 4
max_events = 5
support_days = 7

[vocabulary]
words = ["word"]
events = ["ProjectsController#show", "ProjectsController#edit", "user_add_to_group", "GroupsController#show"]

[[source]]
name = "web"
about = "Web requests"
files = ["*web*"]
time = ["time"]
event = ["{controller}#{action}"]
[source.fields]
"time" = "time"
"controller" = "event"
"action" = "event"

[[source]]
name = "audit"
about = "Audit events"
files = ["*audit*"]
time = ["time"]
event = ["{event_name}"]
[source.fields]
"time" = "time"
"event_name" = "event"

[[source]]
name = "proxy"
about = "Access log"
files = ["*proxy*"]
access_log = true
time = ["time"]
event = ["{method}"]
[source.fields]
"time" = "time"
"method" = "method"

[[event]]
name = "membership.added"
about = "A member was added"
[event.raw]
audit = ["user_add_to_group", "member_created"]
web = ["Groups::MembersController#create"]

[[event]]
name = "membership.removed"
about = "A member was removed"
[event.raw]
audit = ["user_remove_from_group"]

[[event]]
name = "repository.read"
about = "Files were read"
[event.raw]
web = ["Projects::BlobController#*", "Projects::TreeController#show"]
"#;

pub(super) fn profile() -> Profile {
    Profile::parse(PROFILE).expect("the test profile is valid")
}

pub(super) fn at(text: &str) -> Instant {
    Instant::parse(text).expect("a valid time")
}

/// A sound request.
pub(super) const GOOD: &str = r#"version = 1
id = "SIRT-2041"
requested_at = 2026-11-08T09:00:00Z

[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"

[scope]
namespaces = ["acme", { path = "acme-labs", id = 77, since = 2025-01-01, formerly = ["acmelabs"] }]
projects = [{ path = "acme/payments/api", id = 51191 }]
users = [{ username = "alice", id = 1001, emails = ["alice@acme.example"], names = ["Alice Abbott"] }]
evidence = "ownership export"

[window]
from = 2026-11-02T00:00:00Z
to = 2026-11-07T00:00:00Z

[[select]]
namespaces = ["acme/payments"]
users = ["mallory", 1001]
events = ["membership.*"]
sources = ["web", "audit"]
"#;

/// Reads with the test profile.
pub(super) fn read(text: &str) -> Result<Request, Error> {
    Request::parse_with(text, Path::new("/nowhere"), &profile())
}

pub(super) fn good() -> Request {
    read(GOOD).expect("a sound request")
}
