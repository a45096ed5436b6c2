//! The text of `decostop request new`.

use super::Instant;

/// An annotated request to fill in, with times around `now`. It reads as it is; the conditions say
/// what is still missing.
pub fn template(now: Instant) -> String {
    let asked = Instant(now.0 - now.0.rem_euclid(1_000_000_000));
    let from = asked.days_before(7);
    TEXT.replace("{asked}", &asked.to_string())
        .replace("{from}", &from.to_string())
}

const TEXT: &str = r#"# A request for a log-dive. `decostop check FILE` says what is missing and how to narrow it.
version = 1
id = "REQUEST-1"                 # part of the pseudonym key: a new one for each request
requested_at = {asked}

[customer]
name = "Customer"
plan = "fill in"                 # premium or ultimate
billing = "fill in"              # paid, trial, unpaid, deprecated
# reference = "ticket 1"         # shown to the customer instead of the id

[scope]                          # what the customer owns; only this may be disclosed
evidence = ""                    # where the ownership is known from, such as "ownership export of 2026-11-08"
# namespaces = ["acme", { path = "acme-labs", id = 77, since = 2025-01-01, formerly = ["acmelabs"] }]
                                 # with everything below them
# projects = [{ path = "acme/payments/api", id = 51191 }]
# projects_file = "projects.csv" # columns path,id: finds records that carry only an id
# users = [{ username = "alice", id = 1001, emails = ["alice@acme.example"], names = ["Alice Abbott"] }]
# users_file = "members.csv"     # columns username,id,emails,names; several values in one cell are separated by ;

[window]                         # half-open [from, to), at most one calendar month before requested_at
from = {from}
to = {asked}

[[select]]                       # a record matches if any select does; inside one, every key must match
# namespaces = ["acme/payments"] # inside the scope
# projects = ["acme/payments/api", 51191]
# users = ["mallory", 1001]      # names or ids; may be foreign, and stay so
# events = ["membership.*", "token.created", "raw:Projects::BlobController#show"]
                                 # `decostop events` lists them, `decostop events WORD` searches them;
                                 # raw: is a source's own event
# sources = ["production_json", "audit_json"]     # all if left out
# ips = ["203.0.113.7", "198.51.100.0/24"]
# token_ids = [4711]
# correlation_ids = ["01HEXAMPLE"]
# exclude = { users = ["deploy-bot"], ips = ["192.0.2.0/24"] }

[disclosure]
personal_data = false            # true asks for the user names and addresses of the scope: sirt route

# [[exception]]                  # a condition set aside, with who approved it
# condition = "window.longest"
# reason = "why"
# approved_by = "who"
"#;
