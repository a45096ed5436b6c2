//! Requests that a corpus' own request is turned into, and what they must find.
//!
//! Truth comes from the generator where it knows: the customer's own namespaces, further names that do
//! not occur, everything in the window. For users it comes from the naive oracle, which parses every
//! line of the corpus whole.

use decostop::request::{Exception, Request, UserRef};
use decostop_profile::{NamespaceScope, Profile};
use decostop_testkit::naive::{Answer, Query};
use decostop_testkit::synth;

use crate::{Corpus, Inputs};

/// What a dive must come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Expected {
    /// Records that a select takes, in the window.
    pub matched: u64,
    /// Records disclosed, where that is known beforehand.
    pub disclosed: Option<u64>,
}

/// A request and what it must find.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The request.
    pub request: Request,
    /// What it must find.
    pub expected: Expected,
}

/// Everything about the customer: the corpus' own request, with as many namespaces as the customer has.
pub fn own(corpus: &Corpus) -> Asked {
    let truth = corpus.truth();
    Asked {
        request: corpus.request(),
        expected: Expected {
            matched: truth.matching_in_window,
            disclosed: Some(truth.disclosable),
        },
    }
}

/// The same with further namespaces of the customer, `count` in all, which do not occur in the logs: the
/// answer stays the same, to the byte.
pub fn with_absent_namespaces(corpus: &Corpus, count: usize) -> Asked {
    let mut asked = own(corpus);
    let request = &mut asked.request;
    let select = request.selects.first_mut().expect("the corpus' request has one");
    let more = count.saturating_sub(select.namespaces.len());
    // As if of another platform: no seed of a corpus is this large.
    let strangers = synth::strangers(u64::MAX - 1, u32::try_from(more).unwrap_or(u32::MAX));
    for path in strangers.into_iter().take(more) {
        select.namespaces.push(path.clone());
        request.scope.namespaces.push(NamespaceScope {
            path,
            ..NamespaceScope::default()
        });
    }
    asked
}

/// What the customer's first `count` users did, named by name and by id. The corpus must have no
/// wrappers, which the oracle does not read.
pub fn people(corpus: &Corpus, threads: usize, count: usize) -> Asked {
    let mut request = corpus.request();
    let users = request.scope.users.iter().take(count);
    let refs: Vec<UserRef> = users
        .flat_map(|user| {
            let name = (!user.username.is_empty()).then(|| UserRef::Name(user.username.clone()));
            name.into_iter().chain(user.id.map(UserRef::Id))
        })
        .collect();
    assert_eq!(refs.len(), 2 * count, "each user has a name and an id");
    let select = request.selects.first_mut().expect("the corpus' request has one");
    select.namespaces.clear();
    select.users = refs;
    let matched = corpus.remembered(&format!("people-{count}"), || oracle(corpus, threads, &request));
    Asked {
        request,
        expected: Expected {
            matched,
            disclosed: None,
        },
    }
}

/// Every line of the window: a select of all events that nothing else bounds. What does not concern the
/// customer is matched, judged and left out.
pub fn everything(corpus: &Corpus) -> Asked {
    let mut request = corpus.request();
    let select = request.selects.first_mut().expect("the corpus' request has one");
    select.namespaces.clear();
    request.exceptions.push(Exception {
        condition: "resources.listed".to_owned(),
        reason: "a benchmark of the slowest request".to_owned(),
        approved_by: "security: case 8".to_owned(),
    });
    Asked {
        request,
        expected: Expected {
            matched: corpus.truth().lines_in_window,
            disclosed: None,
        },
    }
}

/// How many lines a request matches by the oracle.
fn oracle(corpus: &Corpus, threads: usize, request: &Request) -> u64 {
    let text = request.to_toml().unwrap_or_else(|error| panic!("{error}"));
    let query = Query::parse(&text).unwrap_or_else(|error| panic!("the oracle's reading: {error}"));
    let profile = Profile::gitlab();
    let (found, _) = Inputs::of(corpus).decode(threads, &|segment| {
        let source = segment.source.and_then(|index| profile.sources.get(index));
        let source = source.expect("each file of a corpus has its source's name");
        let lines = segment.bytes.split(|byte| *byte == b'\n');
        let matching =
            lines
                .filter(|line| !line.is_empty())
                .filter(|line| match query.answer(&profile, source, line) {
                    Answer::Match(_) => true,
                    Answer::NoMatch => false,
                    other => panic!("a line of a sound corpus is {other:?} to the oracle"),
                });
        matching.count() as u64
    });
    found
}
