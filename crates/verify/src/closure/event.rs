//! What happened: a closed vocabulary, or the shapes in which platforms name their own code.

use std::collections::HashSet;
use std::sync::{LazyLock, OnceLock};

use decostop_profile::{ClassRule, Profile};
use foldhash::fast::RandomState;
use regex::Regex;

use super::{Broken, Residue};

const MAX_EVENT_BYTES: usize = 128;

static CALLER: LazyLock<Regex> = LazyLock::new(|| {
    const SHAPES: &[&str] = &[
        // Class, module, action.
        r"[A-Z][A-Za-z0-9]*(?:::[A-Z][A-Za-z0-9]*)*(?:#[a-z_][a-z0-9_]*[?!]?)?",
        // API route, with or without its method.
        r"(?:(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) )?(?:/api)?/:version(?:/(?:[a-z][a-z0-9_-]*|:[a-z_]+|\*[a-z_]+|\(-/\)|-))*(?:\(\.:?[a-z]+\))?",
        r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*",
        // gRPC service, method, full method.
        r"/?[a-z]+(?:\.[A-Za-z]+)*(?:/[A-Z][A-Za-z0-9]*)?",
        r"git-[a-z-]+",
    ];
    Regex::new(&format!("^(?:{})$", SHAPES.join("|"))).expect("the shapes are constant and tested")
});

/// The allowed names of events.
pub(crate) struct EventGrammar {
    /// Wildcard-free raw patterns, gathered at the first event that is asked for; the vocabulary's own set is
    /// used beside it.
    listed: OnceLock<HashSet<Box<str>, RandomState>>,
    public: HashSet<Box<str>, RandomState>,
    routes: HashSet<Box<str>, RandomState>,
}

impl EventGrammar {
    pub(crate) fn new(profile: &Profile) -> Self {
        Self {
            listed: OnceLock::new(),
            routes: profile.routes.iter().map(|route| route.as_str().into()).collect(),
            public: profile
                .events
                .iter()
                .map(|event| event.name.as_str().into())
                .collect(),
        }
    }

    fn listed(&self, profile: &Profile) -> &HashSet<Box<str>, RandomState> {
        self.listed.get_or_init(|| {
            let patterns = profile
                .events
                .iter()
                .flat_map(|event| event.raw.values().flatten());
            // What the class of another field depends on.
            let fields = profile.sources.iter().flat_map(|source| source.fields.values());
            let deciding = fields
                .filter_map(|spec| match &spec.rule {
                    ClassRule::On { cases, .. } => Some(cases),
                    _ => None,
                })
                .flatten()
                .map(|case| &case.value);
            patterns
                .filter(|raw| !raw.contains('*'))
                .chain(deciding)
                .chain(
                    profile
                        .templates
                        .iter()
                        .filter_map(|template| template.event.as_ref()),
                )
                .map(|raw| raw.as_str().into())
                .collect()
        })
    }

    /// A name of the public vocabulary.
    pub(crate) fn is_public(&self, name: &str) -> bool {
        self.public.contains(name)
    }

    /// A raw event that the profile names.
    pub(crate) fn is_listed(&self, profile: &Profile, event: &str) -> bool {
        // A method and one of the profile's own path patterns.
        let routed = || {
            let (method, route) = event.split_once(' ')?;
            Some(profile.vocabulary.methods.contains(method) && self.routes.contains(route))
        };
        self.listed(profile).contains(event)
            || profile.vocabulary.events.contains(event)
            || profile.vocabulary.methods.contains(event)
            || routed() == Some(true)
    }

    /// A raw event. `closed` admits the vocabulary only.
    pub(crate) fn check(&self, profile: &Profile, event: &str, closed: bool) -> Result<Residue, Broken> {
        if event == "[event]" || self.is_listed(profile, event) {
            return Ok(Residue::None);
        }
        if closed {
            return Err("closure.event.closed");
        }
        if event.len() > MAX_EVENT_BYTES || !CALLER.is_match(event) {
            return Err("closure.event");
        }
        Ok(Residue::Code(event.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_templates_are_listed() {
        let profile = Profile::gitlab();
        let grammar = EventGrammar::new(&profile);
        assert_eq!(grammar.check(&profile, "login_failed", true), Ok(Residue::None));
        assert_eq!(
            grammar.check(&profile, "login_wished_for", true),
            Err("closure.event.closed")
        );
    }

    #[test]
    fn callers_have_their_shapes() {
        for good in [
            "SessionsController",
            "Groups::GroupMembersController#update",
            "Foo#valid?",
            "GET /api/:version/projects/:id/members",
            "/api/:version/projects/:id/repository/files/*file_path(.:format)",
            "/api/:version/groups/:id/(-/)/epics",
            "user_add_to_group",
            "gitaly.SSHService",
            "/gitaly.SSHService/SSHUploadPack",
            "git-upload-pack",
        ] {
            assert!(CALLER.is_match(good), "{good}");
        }
        for bad in [
            "",
            "x y",
            "mallory@evil.example",
            "a.b.c@d",
            "GET /acme/payments",
            "Foo::bar",
            "user_1-2",
            "10.0.0.1",
            "Foo#Bar",
            "web-01.c.internal",
            "foo\n",
        ] {
            assert!(!CALLER.is_match(bad), "{bad}");
        }
    }
}
