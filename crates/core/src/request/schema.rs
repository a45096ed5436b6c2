//! JSON Schemas (2020-12) that `decostop schema` prints.
//!
//! Written by hand so that they say what the reader enforces: a TOML date and time counts as a
//! string of format `date-time`. What depends on a profile (event and source names) or on several
//! entries (periods that overlap) is checked by the reader alone.

use serde_json::{Map, Value, json};

use super::conditions;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A path of a namespace or project.
const PATH: &str = r"^(?!(.*/)?(\.{1,2}|-)(/|$))[^/?#%\\*\s\u0000-\u001f\u007f-\u009f]+(/[^/?#%\\*\s\u0000-\u001f\u007f-\u009f]+)*$";
/// A public event, a glob over them, or a source's own event.
const EVENT: &str = r"^(raw:.*\S.*|(?!raw:)[a-z0-9_.*-]+)$";
/// A text of one line.
const LINE: &str =
    r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$";

/// The schema of a request.
pub fn request() -> Value {
    json!({
        "$schema": DIALECT,
        "title": "A request for a log-dive",
        "description": "Who asks, what they own, and what to look for. Written in TOML, or in JSON of the same shape.",
        "type": "object",
        "additionalProperties": false,
        "required": ["version", "id", "requested_at"],
        "properties": {
            "version": { "const": 1, "description": "Version of this format." },
            "id": line("The request's id, part of the pseudonym key."),
            "requested_at": instant("When the customer asked. The window is measured from here."),
            "ad_hoc": {
                "type": "boolean", "default": false,
                "description": "Written by an ad-hoc look: no customer, nothing in scope, no conditions; not for handing out."
            },
            "customer": table("Who asks.", &["name", "plan", "billing"], json!({
                "name": line("Name, for the report."),
                "plan": line("Subscription plan; premium and ultimate are eligible."),
                "billing": line("Billing state: paid, trial, unpaid, deprecated. Only paid is eligible."),
                "reference": line("Shown to the customer instead of the id."),
            })),
            "scope": scope(),
            "window": table("Half-open: from the first instant, up to but not including the second.", &[], json!({
                "from": instant("First instant; at most one calendar month before requested_at."),
                "to": instant("First instant after it; not after requested_at."),
            })),
            "select": {
                "type": "array", "minItems": 1, "items": select(),
                "description": "What to look for: a record matches if any select does."
            },
            "disclosure": table("What may be handed out.", &[], json!({
                "personal_data": {
                    "type": "boolean", "default": false,
                    "description": "Whether the user names and addresses of the scope are asked for; makes the route sirt."
                },
            })),
            "exception": {
                "type": "array", "minItems": 1,
                "description": "Conditions set aside.",
                "items": table("A condition set aside.", &["condition", "reason", "approved_by"], json!({
                    "condition": {
                        "enum": conditions::IDS.iter().chain([&conditions::NEXUS]).collect::<Vec<_>>(),
                        "description": "Id of the condition."
                    },
                    "reason": line("Why."),
                    "approved_by": line("Who approved it."),
                })),
            },
        },
        "if": { "properties": { "ad_hoc": { "const": true } }, "required": ["ad_hoc"] },
        "then": {
            "properties": {
                "customer": false, "scope": false, "exception": false,
                "disclosure": { "properties": { "personal_data": { "const": false } } },
            },
        },
        "else": { "required": ["customer"] },
    })
}

fn scope() -> Value {
    let validity = |what: &str| {
        json!({
            "since": day(&format!("{what} from this instant on.")),
            "until": day(&format!("{what} until this instant, exclusive.")),
        })
    };
    let place = |what: &str, needed: Value| {
        let mut entry = table(
            what,
            &[],
            json!({
                "path": path("Full path."),
                "id": id("Numeric id: finds records that carry only the id."),
                "formerly": list(path("A path that it had before."), "Earlier paths."),
            }),
        );
        extend(&mut entry, "properties", validity("Owned"));
        extend(&mut entry, "", needed);
        json!({ "anyOf": [path(what), entry] })
    };
    let either = |name: &str| json!({ "anyOf": [{ "required": [name] }, { "required": ["id"] }] });
    let mut user = table(
        "A user.",
        &[],
        json!({
            "username": user("User name."),
            "id": id("Numeric id."),
            "emails": list(json!({ "type": "string", "pattern": r"^[^@\s,]+@[^\s,]+$" }), "E-mail addresses."),
            "names": list(line("A display name."), "Display names."),
            "formerly": list(self::user("A user name that it had before."), "Earlier user names."),
        }),
    );
    extend(&mut user, "properties", validity("A member"));
    extend(&mut user, "", either("username"));
    table(
        "What the customer owns; only this may be disclosed.",
        &[],
        json!({
            "namespaces": list(
                place("A namespace with everything below it, compared case-insensitively.", json!({ "required": ["path"] })),
                "Namespaces.",
            ),
            "projects": list(place("A project.", either("path")), "Single projects."),
            "projects_file": line("CSV beside the request with the columns path,id (also since, until, formerly)."),
            "users": list(json!({ "anyOf": [self::user("A user name."), user] }), "Users."),
            "users_file": line("CSV beside the request with the columns username,id,emails,names (also since, until, formerly); several values in one cell are separated by `;`."),
            "evidence": { "type": "string", "maxLength": 1024, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$", "description": "Where the ownership is known from, such as an export and its date." },
        }),
    )
}

fn select() -> Value {
    let keys = selectable();
    let mut select = table(
        "Inside one select every key must match.",
        &[],
        json!({
            "sources": list(line("A source of the profile."), "Sources; all of the profile if left out."),
            "token_ids": list(json!({ "anyOf": [line("An id."), id("An id.")] }), "Ids of credentials."),
            "correlation_ids": list(line("An id."), "Ids that join the lines of one request of the platform."),
            "exclude": table("What to leave out again.", &[], selectable()),
        }),
    );
    extend(&mut select, "properties", keys);
    select
}

/// Keys of a select and of its `exclude`.
fn selectable() -> Value {
    json!({
        "namespaces": list(path("A namespace with everything below it."), "Namespaces."),
        "projects": list(json!({ "anyOf": [path("A full path."), id("An id.")] }), "Projects."),
        "users": list(json!({ "anyOf": [user("A user name or e-mail address."), id("An id.")] }), "Users, as actor or target."),
        "events": list(
            json!({ "type": "string", "pattern": EVENT, "maxLength": 1024 }),
            "Public events and globs over them; `raw:` introduces a source's own event.",
        ),
        "ips": list(
            json!({ "type": "string", "pattern": "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$" }),
            "IP addresses and ranges such as 203.0.113.0/24.",
        ),
    })
}

/// The schema of `manifest.json` in a finished artefact.
pub fn manifest() -> Value {
    let end = |what: &str| json!({ "type": ["string", "null"], "format": "date-time", "description": what });
    let words = json!({ "type": "array", "items": { "type": ["string", "integer"] } });
    let keys = |names: &[&str]| -> Map<String, Value> {
        names
            .iter()
            .map(|name| ((*name).to_owned(), words.clone()))
            .collect()
    };
    let mut asked = keys(&[
        "namespaces",
        "projects",
        "users",
        "events",
        "sources",
        "ips",
        "token_ids",
        "correlation_ids",
    ]);
    let exclude = keys(&["namespaces", "projects", "users", "events", "ips"]);
    asked.insert(
        "exclude".to_owned(),
        table("What was left out again.", &[], Value::Object(exclude)),
    );
    let count = |what: &str| json!({ "type": "integer", "minimum": 0, "description": what });
    let all = [
        "version",
        "tool",
        "reference",
        "ad_hoc",
        "window",
        "asked",
        "records",
        "withheld_with_nexus",
        "format",
        "files",
    ];
    let mut manifest = table(
        "What is handed out beside the records.",
        &all,
        json!({
            "version": { "const": 1, "description": "Version of this format." },
            "tool": table("What wrote it.", &["name", "version"], json!({
                "name": { "const": "decostop" },
                "version": { "type": "string" },
            })),
            "reference": line("The customer's reference, or the request's id."),
            "ad_hoc": { "type": "boolean", "description": "Whether it is a diver's own look, which is not for handing out." },
            "window": table("The window asked for, half-open; an open end is null.", &[], json!({
                "from": end("First instant."),
                "to": end("First instant after it."),
            })),
            "asked": {
                "type": "array",
                "items": table("One select in the customer's own wording; what is foreign is a pseudonym.", &[], Value::Object(asked)),
            },
            "records": table("Disclosed records.", &["total", "by_source", "by_event", "by_day"], json!({
                "total": count("All of them."),
                "by_source": counts("By source."),
                "by_event": counts("By event."),
                "by_day": counts("By day in UTC."),
            })),
            "withheld_with_nexus": count("Lines that concern the scope and were kept back."),
            "format": { "type": "string", "description": "Format of the records, such as ndjson." },
            "files": {
                "type": "array",
                "items": table("A file of the disclosure.", &["name", "bytes", "sha256"], json!({
                    "name": { "type": "string", "pattern": "^[A-Za-z0-9._-]+$" },
                    "bytes": count("Its size."),
                    "sha256": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
                })),
            },
        }),
    );
    extend(
        &mut manifest,
        "",
        json!({ "$schema": DIALECT, "title": "Manifest of a disclosure" }),
    );
    manifest
}

/// The schema of aggregates, as `decostop summary --json` writes them.
pub fn summary() -> Value {
    let count = |what: &str| json!({ "type": "integer", "minimum": 0, "description": what });
    let end = |what: &str| json!({ "type": ["string", "null"], "format": "date-time", "description": what });
    let all = [
        "records",
        "by_source",
        "by_event",
        "by_day",
        "by_namespace",
        "users",
        "addresses",
        "first_time",
        "last_time",
        "withheld_with_nexus",
    ];
    let mut summary = table(
        "Counts over the records that may be disclosed.",
        &all,
        json!({
            "records": count("Records."),
            "by_source": counts("Records by source."),
            "by_event": counts("Records by event."),
            "by_day": counts("Records by day in UTC."),
            "by_namespace": counts("Records by namespace in scope; others are left out."),
            "users": count("Distinct actors."),
            "addresses": count("Distinct client addresses."),
            "first_time": end("First instant; null if there is no record."),
            "last_time": end("Last instant."),
            "withheld_with_nexus": count("Lines that concern the scope and were kept back."),
        }),
    );
    extend(
        &mut summary,
        "",
        json!({ "$schema": DIALECT, "title": "Summary of a dive" }),
    );
    summary
}

/// Names with the number of records that have them.
fn counts(what: &str) -> Value {
    json!({
        "type": "object", "additionalProperties": { "type": "integer", "minimum": 1 },
        "description": what
    })
}

/// A closed table.
fn table(what: &str, required: &[&str], properties: Value) -> Value {
    let mut table = json!({
        "type": "object",
        "description": what,
        "additionalProperties": false,
        "required": required,
    });
    insert(&mut table, "properties", properties);
    table
}

fn list(items: Value, what: &str) -> Value {
    let mut list = json!({ "type": "array", "description": what, "minItems": 1, "uniqueItems": true });
    insert(&mut list, "items", items);
    list
}

fn insert(schema: &mut Value, key: &str, value: Value) {
    if let Value::Object(object) = schema {
        object.insert(key.to_owned(), value);
    }
}

fn line(what: &str) -> Value {
    json!({ "type": "string", "pattern": LINE, "maxLength": 1024, "description": what })
}

fn path(what: &str) -> Value {
    json!({ "type": "string", "pattern": PATH, "maxLength": 1024, "description": what })
}

fn user(what: &str) -> Value {
    line(what)
}

fn id(what: &str) -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX, "description": what })
}

fn instant(what: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": format!("{what} The offset is required.") })
}

fn day(what: &str) -> Value {
    json!({
        "anyOf": [{ "type": "string", "format": "date-time" }, { "type": "string", "format": "date" }],
        "description": format!("{what} A date alone is its first instant in UTC."),
    })
}

/// Adds the members of `more` to `schema`, or to its member `key`.
fn extend(schema: &mut Value, key: &str, more: Value) {
    let target = if key.is_empty() {
        Some(schema)
    } else {
        schema.get_mut(key)
    };
    if let (Some(Value::Object(target)), Value::Object(more)) = (target, more) {
        target.extend(more);
    }
}
