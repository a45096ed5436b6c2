//! The requests that go with a corpus.

use std::fmt::Write as _;

use super::clock::{self, DAY};
use super::file::Corpus;
use super::world::{OURS, World};

/// Root namespaces as a corpus might have them, which occur in none of another seed: for requests that
/// name much and find little.
pub fn strangers(seed: u64, count: u32) -> Vec<String> {
    let world = World::new(seed, 4, count);
    world.own_roots().into_iter().map(str::to_owned).collect()
}

/// The window of the main request: most of the days, with records before, at and after its edges.
pub(crate) fn window(start: i64, days: u32) -> (i64, i64) {
    let days = i64::from(days.max(1));
    let to = start + (days - 1).max(1) * DAY - DAY / 4;
    // A request may reach back one month at most.
    let from = (start + DAY / 4).max(start + (days - 27) * DAY + DAY / 4);
    (from, to)
}

/// The request for everything about the customer's namespace, with personal data.
pub(crate) fn sirt(corpus: &Corpus, seed: u64) -> String {
    let (from, to) = corpus.window;
    let roots = roots(corpus);
    let mut text = head(corpus, seed, "SIRT");
    let _ = write!(
        text,
        "
[window]
from = {}
to = {}

[[select]]
namespaces = [{roots}]
events = [\"raw:*\"]

[disclosure]
personal_data = true

[[exception]]
condition = \"events.few\"
reason = \"the customer does not know what happened\"
approved_by = \"security: case 7\"
",
        clock::text(from),
        clock::text(to),
    );
    text
}

/// The request for a few events of the last days, without personal data.
pub(crate) fn support(corpus: &Corpus, seed: u64) -> String {
    let roots = roots(corpus);
    let end = corpus.rules.start + i64::from(corpus.rules.days) * DAY;
    let from = (end - 6 * DAY).max(corpus.rules.start);
    let mut text = head(corpus, seed, "SUP");
    let _ = write!(
        text,
        "
[window]
from = {}
to = {}

[[select]]
namespaces = [{roots}]
events = [\"membership.*\", \"repository.read\"]

[disclosure]
personal_data = false
",
        clock::text(from),
        clock::text(end - DAY / 4),
    );
    text
}

/// The customer's root namespaces, as the items of a list.
fn roots(corpus: &Corpus) -> String {
    let roots = corpus.world.own_roots();
    let quoted: Vec<String> = roots.iter().map(|root| format!("\"{root}\"")).collect();
    quoted.join(", ")
}

fn head(corpus: &Corpus, seed: u64, prefix: &str) -> String {
    let world = &corpus.world;
    let ours = world.tenant(OURS);
    let end = corpus.rules.start + i64::from(corpus.rules.days) * DAY;
    let mut more = String::new();
    for root in world.own_roots().into_iter().skip(1) {
        let _ = write!(more, ", \"{root}\"");
    }
    let mut text = format!(
        "version = 1
id = \"{prefix}-{seed}\"
requested_at = {}

[customer]
name = \"Customer {seed}\"
plan = \"ultimate\"
billing = \"paid\"
reference = \"ticket {}\"

[scope]
evidence = \"ownership export\"
namespaces = [{{ path = \"{}\", id = {}, formerly = [\"{}\"] }}{more}]
projects = [
",
        clock::text(end),
        5000 + seed % 1000,
        ours.root,
        ours.id,
        ours.formerly,
    );
    for project in ours
        .projects
        .clone()
        .map(|index| world.project(index))
        .filter(|p| p.personal.is_none())
    {
        let _ = writeln!(text, "  {{ path = \"{}\", id = {} }},", project.path, project.id);
    }
    text.push_str("]\nusers = [\n");
    for user in ours.users.clone().map(|index| world.user(index)) {
        let _ = writeln!(
            text,
            "  {{ username = \"{}\", id = {}, emails = [\"{}\"], names = [\"{}\"] }},",
            user.username, user.id, user.email, user.display
        );
    }
    text.push_str("]\n");
    text
}
