//! What is shipped inside the crate: GitLab's profile and the word lists a profile may draw on.

/// The profile of GitLab's logs: its parts one after the other.
pub(crate) const GITLAB: &str = concat!(
    include_str!("../data/gitlab/platform.toml"),
    "\n",
    include_str!("../data/gitlab/routes.toml"),
    "\n",
    include_str!("../data/gitlab/words.toml"),
    "\n",
    include_str!("../data/gitlab/templates.toml"),
    "\n",
    include_str!("../data/gitlab/fieldsets.toml"),
    "\n",
    include_str!("../data/gitlab/sources/rails_requests.toml"),
    "\n",
    include_str!("../data/gitlab/sources/rails_events.toml"),
    "\n",
    include_str!("../data/gitlab/sources/rails_logs.toml"),
    "\n",
    include_str!("../data/gitlab/sources/sidekiq.toml"),
    "\n",
    include_str!("../data/gitlab/sources/gitaly.toml"),
    "\n",
    include_str!("../data/gitlab/sources/workhorse.toml"),
    "\n",
    include_str!("../data/gitlab/sources/shell.toml"),
    "\n",
    include_str!("../data/gitlab/sources/pages.toml"),
    "\n",
    include_str!("../data/gitlab/sources/kas.toml"),
    "\n",
    include_str!("../data/gitlab/sources/praefect.toml"),
    "\n",
    include_str!("../data/gitlab/sources/registry.toml"),
    "\n",
    include_str!("../data/gitlab/sources/runner.toml"),
    "\n",
    include_str!("../data/gitlab/sources/mailroom.toml"),
    "\n",
    include_str!("../data/gitlab/sources/access.toml"),
    "\n",
    include_str!("../data/gitlab/set_aside.toml"),
    "\n",
    include_str!("../data/gitlab/events.toml"),
);

/// The built-in profiles by name.
const PROFILES: &[(&str, &str)] = &[
    ("gitlab", GITLAB),
    ("cloudtrail", include_str!("../data/cloudtrail.toml")),
    ("haproxy", include_str!("../data/haproxy.toml")),
    ("kubernetes-audit", include_str!("../data/kubernetes_audit.toml")),
    ("nginx", include_str!("../data/nginx.toml")),
];

/// The text of a built-in profile.
pub(crate) fn profile(name: &str) -> Option<&'static str> {
    PROFILES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// The names of the built-in profiles.
pub(crate) fn profiles() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}

/// The built-in rules, each file a rule file of its own.
pub(crate) const RULES: &[&str] = &[
    include_str!("../data/rules/gitlab.toml"),
    include_str!("../data/rules/providers.toml"),
    include_str!("../data/rules/services.toml"),
    include_str!("../data/rules/shapes.toml"),
    include_str!("../data/rules/personal.toml"),
    include_str!("../data/rules/system.toml"),
];

/// What a list holds.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Target {
    /// One raw event per line.
    Events,
    /// Words, any number per line.
    Words,
}

/// A list of words or raw events; `#` starts a comment line.
pub(crate) struct List {
    pub(crate) name: &'static str,
    pub(crate) target: Target,
    pub(crate) text: &'static str,
}

impl List {
    /// Entries of an event list: whole lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
    }

    /// Entries of a word list.
    pub(crate) fn words(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.lines().flat_map(str::split_ascii_whitespace)
    }
}

const LISTS: &[List] = &[
    List {
        name: "english",
        target: Target::Words,
        text: include_str!("../data/english.txt"),
    },
    List {
        name: "technical",
        target: Target::Words,
        text: include_str!("../data/technical.txt"),
    },
    List {
        name: "gitlab_audit_events",
        target: Target::Events,
        text: include_str!("../data/gitlab_audit_events.txt"),
    },
    List {
        name: "gitlab_events",
        target: Target::Events,
        text: include_str!("../data/gitlab_events.txt"),
    },
    List {
        name: "gitlab_words",
        target: Target::Words,
        text: include_str!("../data/gitlab_words.txt"),
    },
];

/// A list by its name in `vocabulary.builtin`.
pub(crate) fn list(name: &str) -> Option<&'static List> {
    LISTS.iter().find(|list| list.name == name)
}

/// All names, for messages.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    LISTS.iter().map(|list| list.name)
}
