//! The kinds of log that a corpus holds.

/// A kind of log.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Source {
    /// Requests to Rails controllers.
    Production,
    /// Requests to the API.
    Api,
    /// GraphQL queries.
    Graphql,
    /// Audit events.
    Audit,
    /// Background jobs.
    Sidekiq,
    /// Git storage calls.
    Gitaly,
    /// The proxy in front of Rails.
    Workhorse,
    /// The web server in front of the proxy: lines of text.
    NginxAccess,
    /// The load balancer in front of all: lines of text.
    Haproxy,
}

impl Source {
    /// Every kind, in the order of their files.
    pub const ALL: [Self; 9] = [
        Self::Production,
        Self::Api,
        Self::Graphql,
        Self::Audit,
        Self::Sidekiq,
        Self::Gitaly,
        Self::Workhorse,
        Self::NginxAccess,
        Self::Haproxy,
    ];

    /// What a corpus holds unless it is told otherwise: no access logs.
    pub const USUAL: [Self; 7] = [
        Self::Production,
        Self::Api,
        Self::Graphql,
        Self::Audit,
        Self::Sidekiq,
        Self::Gitaly,
        Self::Workhorse,
    ];

    /// A kind by its name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }

    /// Whether its lines are text, not JSON.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::NginxAccess | Self::Haproxy)
    }

    /// Whether its times are without a fraction.
    pub(crate) fn has_seconds(self) -> bool {
        matches!(self, Self::Workhorse | Self::NginxAccess)
    }

    /// The name in requests and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production_json",
            Self::Api => "api_json",
            Self::Graphql => "graphql_json",
            Self::Audit => "audit_json",
            Self::Sidekiq => "sidekiq",
            Self::Gitaly => "gitaly",
            Self::Workhorse => "workhorse",
            Self::NginxAccess => "nginx_access",
            Self::Haproxy => "haproxy",
        }
    }

    /// The directory that holds `current` and its rotated siblings.
    pub(crate) fn directory(self) -> &'static str {
        match self {
            Self::Workhorse => "gitlab-workhorse",
            other => other.name(),
        }
    }

    /// Whether runit, not logrotate, keeps the file.
    pub(crate) fn is_service(self) -> bool {
        matches!(self, Self::Sidekiq | Self::Gitaly | Self::Workhorse)
    }
}
