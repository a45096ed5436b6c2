//! Redaction: no survivor, valid JSON, and the verifier agrees.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use decostop::Limits;
use decostop::parse::{Scratch, with_record};
use decostop_profile::{Class, Profile, Scope, Values};
use decostop_redact::{Facts, Learner, Ledger, Policy, Redactor, RequestKey, ScopeIndex, Typed};
use decostop_verify::{Ground, Verifier};

use crate::common::{plan, request};
use crate::draw::Draw;
use crate::views::Views;
use crate::world::{ADDRESSES, KEYS, OWN_PEOPLE, OWN_PLACES, PEOPLE, PLACES, SCOPE, SECRETS, SYSTEM, record};

const KEY: [u8; 32] = [7; 32];

fn scope() -> &'static Scope {
    static OWNED: OnceLock<Scope> = OnceLock::new();
    OWNED.get_or_init(|| {
        request(&format!(
            "version = 1\nid = \"FUZZ-1\"\nrequested_at = 2026-11-08T09:00:00Z\n\
         [customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n[scope]\nevidence = \"a test\"\n{SCOPE}\n\
             [window]\nfrom = 2026-11-01T00:00:00Z\nto = 2026-11-08T00:00:00Z\n[[select]]\nnamespaces = [\"acmecorp\"]\n"
        ))
        .scope
    })
}

fn index() -> ScopeIndex {
    ScopeIndex::new(scope()).expect("edges are instants")
}

/// A few records of one dive with secrets, foreign names and platform data in any field, key and
/// encoding, in both modes: redacting never panics, gives valid JSON that the verifier passes, the
/// same each time, and nothing that was planted is in any view of it.
pub fn redact(data: &[u8]) {
    let mut draw = Draw::new(data);
    let sources = &plan().profile.sources;
    let lines: Vec<(usize, String)> = (0..=draw.below(3))
        .map(|_| {
            let at = draw.below(sources.len());
            (at, record(&mut draw, &sources[at]))
        })
        .collect();
    check(&lines);
}

/// As [`redact`], for a line as it is: the first byte chooses the source.
pub fn redact_line(data: &[u8]) {
    let Some((&choice, line)) = data.split_first() else { return };
    let Ok(line) = std::str::from_utf8(line) else { return };
    check(&[(usize::from(choice) % plan().profile.sources.len(), line.to_owned())]);
}

fn check(lines: &[(usize, String)]) {
    // Half of the dives know every foreign account beforehand; the others learn from their lines.
    let facts = learn(lines, lines.len() % 2 == 1);
    for personal_data in [false, true] {
        let redactor = redactor(personal_data);
        let verifier = verifier(personal_data, &facts);
        let plants = plants(personal_data, &facts);
        for (source, line) in lines {
            let Some(out) = redacted(redactor, &facts, *source, line) else { continue };
            assert!(Some(&out) == redacted(redactor, &facts, *source, line).as_ref(), "another result the second time");
            let shown = || format!("{}\n{line}\n{}", plan().profile.sources[*source].name, String::from_utf8_lossy(&out));
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap_or_else(|error| panic!("no JSON: {error}\n{}", shown()));
            assert!(!out.contains(&b'\n'), "a line feed within a record");
            if let Err(leak) = verifier.check(&out) {
                panic!("the verifier objects, personal_data = {personal_data}: {leak}\n{}", shown());
            }
            let views = Views::of(&value);
            for (plant, identity) in &plants {
                assert!(!if *identity { views.name(plant) } else { views.hold(plant) }, "survived, personal_data = {personal_data}: {plant}\n{}", shown());
            }
        }
    }
}

fn redactor(personal_data: bool) -> &'static Redactor {
    static MADE: [OnceLock<Redactor>; 2] = [const { OnceLock::new() }; 2];
    MADE[usize::from(personal_data)].get_or_init(|| {
        let policy = Policy { personal_data, ..Policy::default() };
        Redactor::new(Arc::clone(plan()), policy, &RequestKey::from_bytes(KEY)).expect("sound templates")
    })
}

/// A verifier that knows what the dive learned. Making one takes long; the last ones are kept.
fn verifier(personal_data: bool, facts: &Facts) -> Rc<Verifier> {
    type Kept = HashMap<(bool, Values, Vec<(Class, String)>), Rc<Verifier>>;
    thread_local!(static KEPT: std::cell::RefCell<Kept> = std::cell::RefCell::default());
    KEPT.with_borrow_mut(|kept| {
        if kept.len() > 200 {
            kept.clear();
        }
        let mut foreign = facts.foreign();
        foreign.sort();
        let key = (personal_data, foreign, facts.linked_ids());
        if let Some(made) = kept.get(&key) {
            return Rc::clone(made);
        }
        let ground = Ground {
            scope: scope().clone(),
            personal_data,
            foreign: key.1.clone(),
            linked: key.2.clone(),
            request_key: KEY,
            ..Ground::default()
        };
        let made = Rc::new(Verifier::new(Profile::gitlab(), ground).expect("a sound ground"));
        kept.insert(key, Rc::clone(&made));
        made
    })
}

fn learn(lines: &[(usize, String)], all: bool) -> Facts {
    let mut learner = Learner::new(10_000);
    let (scope, mut typed) = (index(), Vec::new());
    if all {
        accounts().iter().for_each(|(class, text)| learner.add_account(*class, text, &scope));
    }
    for (source, line) in lines {
        let _ = with_record(plan(), line.as_bytes(), Some(*source), &Limits::default(), &mut Scratch::default(), |record| {
            // As in a dive: only a record whose deciding fields are sound is taken.
            if plan().typed(record, &mut typed).is_ok()
                && let Ok(Some(at)) = plan().time(record)
            {
                learner.observe(&typed, &scope, at.ns, None);
            }
        });
    }
    learner.freeze(scope, &plan().profile.vocabulary.words)
}

fn redacted(redactor: &Redactor, facts: &Facts, source: usize, line: &str) -> Option<Vec<u8>> {
    let mut typed: Vec<Typed> = Vec::new();
    with_record(plan(), line.as_bytes(), Some(source), &Limits::default(), &mut Scratch::default(), |record| {
        plan().typed(record, &mut typed).ok()?;
        let at = plan().time(record).ok().flatten()?;
        Some(redactor.redact(record, &typed, facts, at, &mut Ledger::default()).into_bytes())
    })
    .ok()
    .flatten()
}

/// Every foreign account of the world.
fn accounts() -> Vec<(Class, String)> {
    let people = PEOPLE.iter().skip(OWN_PEOPLE).flat_map(|person| {
        [
            (Class::User, person.user.to_lowercase()),
            (Class::UserId, person.id.to_string()),
            (Class::Email, person.email.to_lowercase()),
            (Class::Name, person.name.to_lowercase()),
        ]
    });
    let places = PLACES.iter().skip(OWN_PLACES).flat_map(|place| {
        [(Class::Project, place.path.to_lowercase()), (Class::ProjectId, place.id.to_string()), (Class::NamespaceId, place.id.to_string())]
    });
    people.chain(places).collect()
}

/// What may not be in the output, folded, and whether it is an identity: credentials and platform data
/// wherever they stood, and the identities that the dive knows to be foreign.
fn plants(personal_data: bool, facts: &Facts) -> Vec<(String, bool)> {
    let mut plants: Vec<(String, bool)> = Vec::new();
    let fixed = SECRETS.iter().chain(SYSTEM).chain(KEYS).chain(&["Zq9xKvW3mTfB", "10.20.30.40", "kvx-production"]);
    plants.extend(fixed.map(|text| (text.to_lowercase(), false)));
    let linked = facts.linked_ids();
    let foreign = facts.foreign();
    let foreign = foreign.iter().map(|(class, text)| (class, text.to_owned()));
    let foreign = foreign.filter(|value| accounts().contains(value)).map(|(_, text)| (text, true));
    plants.extend(foreign.filter(|(text, _)| linked.iter().all(|(_, id)| id != text)));
    if !personal_data {
        // Tolerated: an own user name where a field of class event holds it. The class is closed by its
        // grammar and against foreign names, which a lower-case word of the customer's fits.
        for person in PEOPLE.iter().take(OWN_PEOPLE) {
            plants.extend([person.id.to_string(), person.email.to_lowercase(), person.name.to_lowercase()].map(|text| (text, true)));
        }
        plants.extend(ADDRESSES.iter().map(|text| ((*text).to_owned(), true)));
    }
    plants
}
