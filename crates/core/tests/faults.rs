//! Faults: dives whose redactor goes by a wrong profile or a wrong request, while the verifier has the true ones.
//! Every fault that changes what is disclosed for the worse is caught. See `docs/TESTING.md`.
//!
//! The judge is the corpus's ground truth (`testkit::laws`): a fault that is not caught is harmless only if
//! nothing that must stay inside survives in what came out, and no record came out that has no nexus.

#![expect(
    clippy::print_stderr,
    reason = "what became of each fault is told to whoever asks with --nocapture"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use common::{Done, builder, profile, request, run};
use decostop::{Dive, ErrorKind};
use decostop_profile::{Class, ClassRule, Profile, Role};
use decostop_testkit::laws::survivors;
use decostop_testkit::synth::{Corpus, Options, Side, tiny_with};

/// A corpus on disk, and what a dive without faults gives in both modes.
struct Bench {
    corpus: Corpus,
    dir: tempfile::TempDir,
    sound: [Vec<String>; 2],
}

static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    let options = Options::default()
        .seed(6)
        .days(3)
        .tenants(8)
        .our_share(Some(0.25));
    // Some 12 requests a day are quick; more of them let more faults show.
    let visits = std::env::var("DECOSTOP_FAULTS")
        .ok()
        .and_then(|visits| visits.parse().ok());
    let corpus = tiny_with(&options, visits.unwrap_or(12));
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, bytes) in &corpus.files {
        let path = dir.path().join("logs").join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(dir.path())).expect("a directory");
        std::fs::write(path, bytes).expect("a file");
    }
    let mut bench = Bench {
        corpus,
        dir,
        sound: [Vec::new(), Vec::new()],
    };
    bench.sound = [false, true].map(|personal| {
        let dive = builder(&asked(&bench.corpus, personal), bench.dir.path().to_owned());
        let done = run(dive).expect("a sound dive");
        assert_eq!(bench.judge(&done, personal), None, "a sound dive is sound");
        done.sink.records
    });
    bench
});

fn asked(corpus: &Corpus, personal: bool) -> String {
    corpus
        .request
        .replace("personal_data = true", &format!("personal_data = {personal}"))
}

/// What became of a fault.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Outcome {
    /// The verifier stopped the dive.
    Caught,
    /// No dive could be made of it.
    Refused,
    /// The same bytes came out.
    Same,
    /// Other bytes came out, of which none is worse.
    Harmless,
    /// What must stay inside came out.
    Harmful(String),
}

impl Bench {
    /// Dives with another profile and request than the verifier's.
    fn dive(&self, wrong: &Arc<Profile>, wrong_request: &str, personal: bool) -> Outcome {
        let logs = self.dir.path().to_owned();
        let (parsed, truth) = (request(wrong_request), request(&asked(&self.corpus, personal)));
        let dive = Dive::builder(parsed, Arc::clone(wrong))
            .inputs([logs])
            .now(common::now())
            .key_material(common::KEY)
            .threads(1)
            .verified_by(truth, profile());
        match run(dive) {
            Err(error) if error.kind() == ErrorKind::Leak => Outcome::Caught,
            Err(_) => Outcome::Refused,
            Ok(done) if done.sink.records == self.sound[usize::from(personal)] => Outcome::Same,
            Ok(done) => self
                .judge(&done, personal)
                .map_or(Outcome::Harmless, Outcome::Harmful),
        }
    }

    /// What is worse than it may be, if anything.
    fn judge(&self, done: &Done, personal: bool) -> Option<String> {
        let corpus = &self.corpus;
        let hidden = corpus.secrets.iter().chain(&corpus.system).chain(&corpus.unknown);
        let foreign = corpus.foreign.iter().map(|(_, value, _)| value);
        let own = corpus
            .own
            .iter()
            .filter(|(class, _)| !personal && matches!(*class, "user" | "user_id" | "name" | "email" | "ip"));
        let needles: BTreeSet<&str> = hidden
            .chain(foreign)
            .chain(own.map(|(_, value)| value))
            .map(String::as_str)
            .filter(|needle| needle.len() >= 4)
            .collect();
        // What came out without a fault as well was judged then.
        let known: BTreeSet<&String> = self.sound[usize::from(personal)].iter().collect();
        let fresh: Vec<&str> = done
            .sink
            .records
            .iter()
            .filter(|record| !known.contains(record))
            .map(String::as_str)
            .collect();
        let left = survivors(&fresh.join("\n"), needles);
        let with_nexus: BTreeSet<(&str, u64)> = corpus
            .records
            .iter()
            .filter(|row| row.side == Side::Inside && row.why.has_nexus())
            .map(|row| (row.input.as_str(), row.offset))
            .collect();
        let surplus = done.sink.provenance.iter().filter(|provenance| {
            let path = provenance.origin.path.to_string_lossy();
            let name = path.split_once("/logs/").map_or("", |(_, name)| name);
            !with_nexus.contains(&(name, provenance.origin.offset.unwrap_or_default()))
        });
        let surplus = surplus.count();
        (!left.is_empty() || surplus > 0)
            .then(|| format!("{} values survive, {surplus} records without nexus", left.len()))
    }
}

fn wrong(change: impl FnOnce(&mut Profile)) -> Arc<Profile> {
    let mut wrong = (*profile()).clone();
    change(&mut wrong);
    Arc::new(wrong)
}

/// Treats every field of one class as of another.
fn confuse(profile: &mut Profile, from: Class, to: Class) {
    for source in &mut profile.sources {
        let specs = source
            .fields
            .values_mut()
            .chain(source.patterns.iter_mut().map(|(_, spec)| spec));
        for spec in specs {
            match &mut spec.rule {
                ClassRule::Fixed(class) if *class == from => *class = to,
                ClassRule::On { cases, .. } => {
                    for case in cases.iter_mut().filter(|case| case.class == from) {
                        case.class = to;
                    }
                }
                _ => {}
            }
        }
    }
}

/// Each class taken for each other one: some four hundred kinds of fault.
fn classes_taken_for(part: usize) {
    let bench = &*BENCH;
    let mut tally: BTreeMap<Outcome, usize> = BTreeMap::new();
    for (nth, from) in Class::ALL
        .into_iter()
        .enumerate()
        .filter(|(nth, _)| nth % 4 == part)
    {
        for (at, to) in Class::ALL.into_iter().enumerate().filter(|(_, to)| *to != from) {
            let wrong = wrong(|profile| confuse(profile, from, to));
            // In one mode each, so that both meet every class.
            let personal = (nth + at) % 3 != 0;
            let asked = asked(&bench.corpus, personal);
            let outcome = bench.dive(&wrong, &asked, personal);
            assert!(
                !matches!(outcome, Outcome::Harmful(_)),
                "{from:?} taken for {to:?}, personal_data = {personal}: {outcome:?}"
            );
            *tally.entry(outcome).or_default() += 1;
        }
    }
    let of = |outcome: &Outcome| tally.get(outcome).copied().unwrap_or_default();
    eprintln!("part {part}: {tally:?}");
    assert!(of(&Outcome::Caught) >= 5, "{tally:?}");
}

#[test]
fn classes_taken_for_others_1() {
    classes_taken_for(0);
}

#[test]
fn classes_taken_for_others_2() {
    classes_taken_for(1);
}

#[test]
fn classes_taken_for_others_3() {
    classes_taken_for(2);
}

#[test]
fn classes_taken_for_others_4() {
    classes_taken_for(3);
}

type Change = Box<dyn Fn(&mut Profile, &Corpus)>;

fn of(change: impl Fn(&mut Profile, &Corpus) + 'static) -> Change {
    Box::new(change)
}

/// Foreign values of a class: those in lines about the customer, or all if there are none.
fn near(corpus: &Corpus, class: &str) -> Vec<String> {
    let of = |only_near: bool| {
        let all = corpus
            .foreign
            .iter()
            .filter(move |(of, _, near)| *of == class && (*near || !only_near));
        all.map(|(_, value, _)| value.clone()).collect::<Vec<_>>()
    };
    let found = of(true);
    if found.is_empty() { of(false) } else { found }
}

/// The words that a value is made of.
fn words(values: impl IntoIterator<Item = String>) -> Vec<String> {
    let split = |value: String| {
        let words = value
            .split(|c: char| !c.is_ascii_alphanumeric())
            .map(str::to_lowercase);
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>()
    };
    values.into_iter().flat_map(split).collect()
}

fn replaced(slot: &'static str, by: &'static str) -> Change {
    of(move |profile, _| {
        for route in &mut profile.routes {
            *route = route.replace(slot, by);
        }
    })
}

fn slot(from: &'static str, to: &'static str) -> Change {
    of(move |profile, _| {
        for template in &mut profile.templates {
            template.text = template.text.replace(from, to);
        }
    })
}

fn roles(from: Role, to: Role) -> Change {
    of(move |profile, _| {
        let tuples = profile.sources.iter_mut().flat_map(|source| &mut source.tuples);
        tuples
            .filter(|tuple| tuple.role == from)
            .for_each(|tuple| tuple.role = to);
    })
}

fn column(
    pick: fn(&mut decostop_profile::Columns) -> &mut Vec<String>,
    fields: &'static [&'static str],
) -> Change {
    of(move |profile, _| {
        for source in &mut profile.sources {
            *pick(&mut source.columns) = fields.iter().map(|field| (*field).to_owned()).collect();
        }
    })
}

fn field(name: &'static str, class: Class) -> Change {
    of(move |profile, _| {
        for source in &mut profile.sources {
            if let Some(spec) = source.fields.get_mut(name) {
                spec.rule = ClassRule::Fixed(class);
            }
        }
    })
}

/// Faults of a profile beyond classes: what is wrong, and how.
fn profiles() -> Vec<(&'static str, Change)> {
    vec![
        (
            "names of foreign users are words",
            of(|p, c| p.vocabulary.words.extend(words(near(c, "user")))),
        ),
        (
            "display names of foreign users are words",
            of(|p, c| p.vocabulary.words.extend(words(near(c, "name")))),
        ),
        (
            "foreign mail addresses are words",
            of(|p, c| p.vocabulary.words.extend(words(near(c, "email")))),
        ),
        (
            "names of foreign projects are words",
            of(|p, c| p.vocabulary.words.extend(words(near(c, "project")))),
        ),
        (
            "names of foreign namespaces are words",
            of(|p, c| p.vocabulary.words.extend(words(near(c, "namespace")))),
        ),
        (
            "ids of foreign users are words",
            of(|p, c| p.vocabulary.words.extend(words(near(c, "user_id")))),
        ),
        (
            "secrets are words",
            of(|p, c| p.vocabulary.words.extend(words(c.secrets.clone()))),
        ),
        (
            "hosts are words",
            of(|p, c| p.vocabulary.words.extend(words(c.system.clone()))),
        ),
        (
            "no words",
            of(|p, _| p.vocabulary.words = std::iter::empty::<String>().collect()),
        ),
        (
            "names of foreign users are events",
            of(|p, c| p.vocabulary.events.extend(near(c, "user"))),
        ),
        (
            "foreign projects are events",
            of(|p, c| p.vocabulary.events.extend(near(c, "project"))),
        ),
        (
            "secrets are events",
            of(|p, c| p.vocabulary.events.extend(c.secrets.clone())),
        ),
        (
            "no events",
            of(|p, _| p.vocabulary.events = std::iter::empty::<String>().collect()),
        ),
        (
            "names of foreign users are methods",
            of(|p, c| {
                p.vocabulary
                    .methods
                    .extend(near(c, "user").into_iter().map(Into::into));
            }),
        ),
        (
            "names of foreign users are states",
            of(|p, c| {
                p.vocabulary
                    .statuses
                    .extend(near(c, "user").into_iter().map(Into::into));
            }),
        ),
        (
            "secrets are states",
            of(|p, c| {
                p.vocabulary
                    .statuses
                    .extend(c.secrets.iter().map(|s| s.as_str().into()));
            }),
        ),
        (
            "secrets are agents",
            of(|p, c| {
                p.vocabulary
                    .agents
                    .extend(c.secrets.iter().map(|s| s.as_str().into()));
            }),
        ),
        (
            "foreign users are agents",
            of(|p, c| {
                p.vocabulary
                    .agents
                    .extend(near(c, "user").into_iter().map(Into::into));
            }),
        ),
        ("no agents", of(|p, _| p.vocabulary.agents.clear())),
        ("no methods", of(|p, _| p.vocabulary.methods.clear())),
        ("no states", of(|p, _| p.vocabulary.statuses.clear())),
        (
            "routes take anything as text",
            of(|p, _| p.routes.insert(0, "/**".to_owned())),
        ),
        (
            "routes take anything as words",
            of(|p, _| p.routes.insert(0, "/:word/:word".to_owned())),
        ),
        ("projects of routes are words", replaced(":project", ":word")),
        ("namespaces of routes are words", replaced(":namespace", ":word")),
        ("users of routes are words", replaced(":user", ":word")),
        ("secrets of routes are words", replaced(":secret", ":word")),
        ("secrets of routes are numbers", replaced(":secret", ":number")),
        ("secrets of routes are users", replaced(":secret", ":user")),
        (
            "secrets of routes are projects",
            replaced(":secret", ":project_id"),
        ),
        ("users of routes are secrets", replaced(":user", ":secret")),
        (
            "projects of routes are namespaces",
            replaced(":project", ":namespace"),
        ),
        ("ends of routes are words", replaced("**", ":word")),
        ("no routes", of(|p, _| p.routes.clear())),
        (
            "routes name the foreign",
            of(|p, c| {
                p.routes
                    .splice(
                        0..0,
                        near(c, "project").into_iter().map(|path| format!("/{path}/**")),
                    )
                    .for_each(drop);
            }),
        ),
        (
            "routes name the foreign in the middle",
            of(|p, c| {
                p.routes
                    .splice(
                        0..0,
                        near(c, "project").into_iter().map(|path| format!("/{path}/-/**")),
                    )
                    .for_each(drop);
            }),
        ),
        ("users of messages are words", slot("{user}", "{word}")),
        ("users of messages are text", slot("{user}", "{text}")),
        ("users of messages are numbers", slot("{user}", "{number}")),
        ("users of messages are events", slot("{user}", "{event}")),
        ("users of messages are states", slot("{user}", "{status}")),
        ("users of messages are projects", slot("{user}", "{project}")),
        ("addresses of messages are text", slot("{ip}", "{text}")),
        ("addresses of messages are words", slot("{ip}", "{word}")),
        ("addresses of messages are users", slot("{ip}", "{user}")),
        ("projects of messages are text", slot("{project}", "{text}")),
        ("texts of messages are events", slot("{text}", "{event}")),
        ("numbers of messages are text", slot("{number}", "{text}")),
        (
            "any message is a text",
            of(|p, _| {
                let mut any = p.templates[0].clone();
                "{text}".clone_into(&mut any.text);
                p.templates.insert(0, any);
            }),
        ),
        (
            "any message is an event",
            of(|p, _| {
                let mut any = p.templates[0].clone();
                "{event}".clone_into(&mut any.text);
                p.templates.insert(0, any);
            }),
        ),
        (
            "messages name the foreign",
            of(|p, c| {
                let any = p.templates[0].clone();
                p.templates
                    .splice(
                        0..0,
                        near(c, "user").into_iter().map(|name| {
                            let mut named = any.clone();
                            named.text = format!("{{text}}{name}{{text.2}}");
                            named
                        }),
                    )
                    .for_each(drop);
            }),
        ),
        ("no messages", of(|p, _| p.templates.clear())),
        ("no internal domains", of(|p, _| p.internal_domains.clear())),
        ("no internal ranges", of(|p, _| p.internal_ranges.clear())),
        (
            "no tuples",
            of(|p, _| p.sources.iter_mut().for_each(|s| s.tuples.clear())),
        ),
        (
            "tuples of one field",
            of(|p, _| {
                p.sources
                    .iter_mut()
                    .flat_map(|s| &mut s.tuples)
                    .for_each(|t| t.fields.truncate(1));
            }),
        ),
        ("actors are targets", roles(Role::Actor, Role::Target)),
        ("actors are impersonators", roles(Role::Actor, Role::Impersonator)),
        ("impersonators are actors", roles(Role::Impersonator, Role::Actor)),
        (
            "impersonators are targets",
            roles(Role::Impersonator, Role::Target),
        ),
        ("targets are actors", roles(Role::Target, Role::Actor)),
        ("resources are targets", roles(Role::Resource, Role::Target)),
        ("resources are actors", roles(Role::Resource, Role::Actor)),
        ("targets are resources", roles(Role::Target, Role::Resource)),
        ("actors are resources", roles(Role::Actor, Role::Resource)),
        (
            "the actor is the address",
            column(|c| &mut c.actor, &["remote_ip", "ip"]),
        ),
        (
            "the address is the actor",
            column(|c| &mut c.ip, &["meta.user", "username"]),
        ),
        (
            "the namespace is the project",
            column(|c| &mut c.namespace, &["meta.project"]),
        ),
        (
            "the project is the namespace",
            column(|c| &mut c.project, &["meta.root_namespace"]),
        ),
        ("the state is the method", column(|c| &mut c.status, &["method"])),
        (
            "the correlation is the user",
            column(|c| &mut c.correlation_id, &["meta.user"]),
        ),
        (
            "the actor is the host",
            column(|c| &mut c.actor, &["fqdn", "hostname"]),
        ),
        (
            "no columns",
            of(|p, _| {
                p.sources.iter_mut().for_each(|s| {
                    s.columns.actor.clear();
                    s.columns.namespace.clear();
                    s.columns.project.clear();
                    s.columns.ip.clear();
                    s.columns.status.clear();
                    s.columns.correlation_id.clear();
                });
            }),
        ),
        (
            "events are made of users",
            of(|p, _| {
                p.sources
                    .iter_mut()
                    .for_each(|s| s.event = vec!["{meta.user}".into(), "{username}".into()]);
            }),
        ),
        (
            "events are made of addresses",
            of(|p, _| {
                p.sources
                    .iter_mut()
                    .for_each(|s| s.event = vec!["{remote_ip}".into()]);
            }),
        ),
        (
            "events are made of hosts",
            of(|p, _| {
                p.sources
                    .iter_mut()
                    .for_each(|s| s.event = vec!["{fqdn}".into(), "{hostname}".into()]);
            }),
        ),
        (
            "events are made of paths",
            of(|p, _| {
                p.sources
                    .iter_mut()
                    .for_each(|s| s.event = vec!["{path}".into(), "{uri}".into()]);
            }),
        ),
        (
            "no events are made",
            of(|p, _| p.sources.iter_mut().for_each(|s| s.event.clear())),
        ),
        ("no public events", of(|p, _| p.events.clear())),
        (
            "public events name the foreign",
            of(|p, c| {
                let names = near(c, "user");
                p.events
                    .iter_mut()
                    .zip(names.iter().cycle())
                    .for_each(|(e, name)| e.name.clone_from(name));
            }),
        ),
        (
            "closed events are open",
            of(|p, _| {
                p.sources
                    .iter_mut()
                    .flat_map(|s| s.fields.values_mut())
                    .for_each(|f| f.closed = false);
            }),
        ),
        (
            "any state is listed",
            of(|p, c| {
                let names = [near(c, "user"), c.secrets.clone(), c.system.clone()].concat();
                p.sources
                    .iter_mut()
                    .flat_map(|s| s.fields.values_mut())
                    .for_each(|f| f.values.extend(names.clone()));
            }),
        ),
        (
            "families of metrics are text",
            of(|p, _| {
                p.sources
                    .iter_mut()
                    .flat_map(|s| &mut s.patterns)
                    .for_each(|(_, f)| f.rule = ClassRule::Fixed(Class::Text));
            }),
        ),
        (
            "all families are states",
            of(|p, _| {
                p.sources
                    .iter_mut()
                    .flat_map(|s| &mut s.patterns)
                    .for_each(|(name, f)| {
                        "*".clone_into(name);
                        f.rule = ClassRule::Fixed(Class::Status);
                    });
            }),
        ),
        (
            "fields without a class are text",
            of(|p, _| {
                p.sources.iter_mut().for_each(|s| {
                    let Some((_, spec)) = s.fields.iter().next() else {
                        return;
                    };
                    let mut spec = spec.clone();
                    spec.rule = ClassRule::Fixed(Class::Text);
                    s.patterns.push(("*".to_owned(), spec));
                });
            }),
        ),
        (
            "fields without a class are events",
            of(|p, _| {
                p.sources.iter_mut().for_each(|s| {
                    let Some((_, spec)) = s.fields.iter().next() else {
                        return;
                    };
                    let mut spec = spec.clone();
                    spec.rule = ClassRule::Fixed(Class::Event);
                    s.patterns.push(("*".to_owned(), spec));
                });
            }),
        ),
        (
            "fields without a class are users",
            of(|p, _| {
                p.sources.iter_mut().for_each(|s| {
                    let Some((_, spec)) = s.fields.iter().next() else {
                        return;
                    };
                    let mut spec = spec.clone();
                    spec.rule = ClassRule::Fixed(Class::User);
                    s.patterns.push(("*".to_owned(), spec));
                });
            }),
        ),
        (
            "parameters are text",
            of(|p, _| p.params.values_mut().for_each(|class| *class = Class::Text)),
        ),
        (
            "parameters are events",
            of(|p, _| p.params.values_mut().for_each(|class| *class = Class::Event)),
        ),
        (
            "parameters are states",
            of(|p, _| p.params.values_mut().for_each(|class| *class = Class::Status)),
        ),
        (
            "parameters are projects",
            of(|p, _| p.params.values_mut().for_each(|class| *class = Class::Project)),
        ),
        (
            "secret parameters are text",
            of(|p, _| {
                for key in [
                    "password",
                    "token",
                    "private_token",
                    "secret",
                    "job_token",
                    "access_token",
                ] {
                    p.params.insert(key.to_owned(), Class::Text);
                }
            }),
        ),
        (
            "secret parameters are users",
            of(|p, _| {
                for key in [
                    "password",
                    "token",
                    "private_token",
                    "secret",
                    "job_token",
                    "access_token",
                ] {
                    p.params.insert(key.to_owned(), Class::User);
                }
            }),
        ),
        ("no parameters", of(|p, _| p.params.clear())),
        ("user is a state", field("meta.user", Class::Status)),
        ("user is a method", field("meta.user", Class::Method)),
        ("user is a correlation", field("meta.user", Class::Correlation)),
        ("user's id is a state", field("meta.user_id", Class::Status)),
        ("author's name is a text", field("author_name", Class::Text)),
        ("address is an event", field("remote_ip", Class::Event)),
        ("address is a correlation", field("remote_ip", Class::Correlation)),
        ("path is an event", field("path", Class::Event)),
        ("path is a project", field("path", Class::Project)),
        ("path is a text", field("path", Class::Text)),
        ("caller is a user", field("meta.caller_id", Class::User)),
        ("agent is a text", field("ua", Class::Text)),
        ("host is an event", field("fqdn", Class::Event)),
        ("host is a user", field("fqdn", Class::User)),
        ("target is an event", field("target_details", Class::Event)),
        (
            "details of an entity are a state",
            field("entity_path", Class::Status),
        ),
        (
            "sources go by other names",
            of(|p, _| p.sources.iter_mut().for_each(|s| s.name.push('x'))),
        ),
        (
            "time is read from elsewhere",
            of(|p, _| {
                p.sources
                    .iter_mut()
                    .for_each(|s| s.time = vec!["created_at".into(), "enqueued_at".into()]);
            }),
        ),
        (
            "no discriminators",
            of(|p, _| p.sources.iter_mut().for_each(|s| s.discriminators.clear())),
        ),
        (
            "no wrappers",
            of(|p, _| {
                p.wrappers.objects.clear();
                p.wrappers.strings.clear();
                p.wrappers.merged.clear();
            }),
        ),
    ]
}

fn faults_of_profiles(part: usize) {
    let bench = &*BENCH;
    let mut harmful = Vec::new();
    for (name, change) in profiles().into_iter().skip(part).step_by(3) {
        let wrong = wrong(|profile| change(profile, &bench.corpus));
        let outcomes =
            [false, true].map(|personal| bench.dive(&wrong, &asked(&bench.corpus, personal), personal));
        eprintln!("{name}: {outcomes:?}");
        if outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Harmful(_)))
        {
            harmful.push(format!("{name}: {outcomes:?}"));
        }
    }
    assert!(harmful.is_empty(), "{harmful:#?}");
}

#[test]
fn faults_of_profiles_1() {
    faults_of_profiles(0);
}

#[test]
fn faults_of_profiles_2() {
    faults_of_profiles(1);
}

#[test]
fn faults_of_profiles_3() {
    faults_of_profiles(2);
}

/// Faults of a request: the redactor has it, the verifier has the true one.
fn requests(corpus: &Corpus) -> Vec<(&'static str, String)> {
    let truth = &corpus.request;
    let first = |class: &str| {
        let values = near(corpus, class).into_iter();
        values
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no foreign {class}"))
    };
    let users = |entry: String| truth.replace("users = [\n", &format!("users = [\n  {entry},\n"));
    let projects = |entry: String| truth.replace("projects = [\n", &format!("projects = [\n  {entry},\n"));
    let namespaces =
        |entry: String| truth.replacen("namespaces = [{", &format!("namespaces = [{entry}, {{"), 1);
    let everyone: Vec<String> = near(corpus, "user")
        .iter()
        .map(|name| format!("{{ username = \"{name}\" }}"))
        .collect();
    let root = first("project").split('/').next().unwrap_or_default().to_owned();
    let select = |more: &str| truth.replace("events = [\"raw:*\"]", &format!("events = [\"raw:*\"]\n{more}"));
    let exception =
        "\n[[exception]]\ncondition = \"scope.nexus\"\nreason = \"a mistake\"\napproved_by = \"nobody\"\n";
    vec![
        ("a foreign namespace", namespaces(format!("\"{root}\""))),
        (
            "a foreign subgroup",
            namespaces(format!("\"{}\"", first("namespace"))),
        ),
        (
            "a foreign project",
            projects(format!("{{ path = \"{}\" }}", first("project"))),
        ),
        (
            "the id of a foreign project",
            projects(format!("{{ path = \"x/y\", id = {} }}", first("project_id"))),
        ),
        ("all foreign users", users(everyone.join(",\n  "))),
        (
            "the id of a foreign user",
            users(format!(
                "{{ username = \"nobody-x\", id = {} }}",
                first("user_id")
            )),
        ),
        (
            "the address of a foreign user",
            users(format!(
                "{{ username = \"nobody-x\", emails = [\"{}\"] }}",
                first("email")
            )),
        ),
        (
            "the display name of a foreign user",
            users(format!(
                "{{ username = \"nobody-x\", names = [\"{}\"] }}",
                first("name")
            )),
        ),
        (
            "a former name that is foreign",
            users(format!(
                "{{ username = \"nobody-x\", formerly = [\"{}\"] }}",
                first("user")
            )),
        ),
        (
            "a former path that is foreign",
            namespaces(format!("{{ path = \"nobody-x\", formerly = [\"{root}\"] }}")),
        ),
        ("nexus is not asked for", format!("{truth}{exception}")),
        (
            "a foreign user is selected",
            format!("{}\n", select(&format!("users = [\"{}\"]", first("user")))),
        ),
        ("nobody is in scope", {
            let (head, tail) = truth.split_once("users = [\n").unwrap_or((truth, ""));
            let tail = tail.split_once("]\n").map_or("", |(_, tail)| tail);
            format!("{head}{tail}")
        }),
    ]
}

#[test]
fn faults_of_requests() {
    let bench = &*BENCH;
    let mut harmful = Vec::new();
    for (name, wrong) in requests(&bench.corpus) {
        for personal in [false, true] {
            let wrong = wrong.replace("personal_data = true", &format!("personal_data = {personal}"));
            let outcome = bench.dive(&profile(), &wrong, personal);
            eprintln!("{name}, {personal}: {outcome:?}");
            if matches!(outcome, Outcome::Harmful(_)) {
                harmful.push(format!("{name}, {personal}: {outcome:?}"));
            }
        }
    }
    let flipped = bench.dive(&profile(), &asked(&bench.corpus, true), false);
    assert_eq!(flipped, Outcome::Caught, "personal data that nobody asked for");
    assert!(harmful.is_empty(), "{harmful:#?}");
}
