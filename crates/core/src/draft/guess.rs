//! A class for a field, where its name and its values agree.

use decostop_profile::Class;

use super::fields::{Field, Look};

/// What a draft says of a field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Guess {
    /// Name and values fit.
    Class(Class),
    /// A status or an enumeration of these words.
    Words(Vec<String>),
    /// An event whose name may be a client's choice.
    ClosedEvent,
    /// The author decides; what might be asked about it.
    Undecided(&'static str),
}

/// Parts of names, lower case: `remoteAddr`, `remote_addr` and `remote.addr` have the same.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = !c.is_ascii_alphanumeric() || c.is_ascii_uppercase() && before.is_ascii_lowercase();
        if begins {
            parts.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(part) = parts.last_mut()
        {
            part.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    parts.retain(|part| !part.is_empty());
    parts
}

const SECRETS: &[&str] = &[
    "apikey",
    "auth",
    "authorization",
    "certificate",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "csrf",
    "jwt",
    "nonce",
    "otp",
    "passphrase",
    "passwd",
    "password",
    "pin",
    "private",
    "pwd",
    "secret",
    "session",
    "sessionid",
    "signature",
    "token",
    "tokens",
];
const SYSTEM: &[&str] = &[
    "backend",
    "backtrace",
    "binary",
    "build",
    "caller",
    "cluster",
    "container",
    "cpu",
    "datacenter",
    "db",
    "deployment",
    "file",
    "fqdn",
    "function",
    "host",
    "hostname",
    "image",
    "instance",
    "kernel",
    "line",
    "logger",
    "machine",
    "memory",
    "module",
    "node",
    "partition",
    "pid",
    "pod",
    "process",
    "processname",
    "queue",
    "rack",
    "region",
    "replica",
    "server",
    "shard",
    "socket",
    "sql",
    "stack",
    "stacktrace",
    "storage",
    "thread",
    "threadid",
    "upstream",
    "version",
    "worker",
    "zone",
];
const METRIC: &[&str] = &[
    "bytes", "count", "counter", "cpu", "duration", "elapsed", "latency", "length", "mem", "memory",
    "micros", "millis", "ms", "ns", "percent", "rate", "ratio", "retries", "rss", "s", "sec", "seconds",
    "size", "sum", "total", "us",
];
const TEXT: &[&str] = &[
    "body",
    "comment",
    "content",
    "description",
    "detail",
    "details",
    "err",
    "error",
    "exception",
    "log",
    "message",
    "msg",
    "note",
    "payload",
    "query",
    "reason",
    "subject",
    "summary",
    "text",
    "title",
];

/// The class of a field, if its name and all its values speak for one.
pub(super) fn guess(field: &Field) -> Guess {
    let parts = parts(&field.name);
    let part = |wanted: &[&str]| parts.iter().any(|part| wanted.contains(&part.as_str()));
    let last = |wanted: &[&str]| parts.last().is_some_and(|part| wanted.contains(&part.as_str()));
    let ends = |wanted: &[&[&str]]| {
        wanted.iter().any(|ending| {
            parts.len() >= ending.len()
                && parts
                    .iter()
                    .rev()
                    .zip(ending.iter().rev())
                    .all(|(part, wanted)| part == wanted)
        })
    };
    let numeric = field.only("number");
    let compact = field.is(Look::Compact);
    let few = field.distinct().is_some_and(|distinct| distinct <= 200);

    // What must never come out is decided first, by the name alone where it says so.
    let keys: &[&[&str]] = &[
        &["access", "key"],
        &["api", "key"],
        &["encryption", "key"],
        &["private", "key"],
        &["secret", "key"],
        &["ssh", "key"],
    ];
    if field.credentials > 0
        || (part(SECRETS) || ends(keys)) && !field.is(Look::Instant) && !field.only("boolean")
    {
        // The id of a credential joins records; only numbers are surely no credential.
        if last(&["id"]) && part(&["token", "key", "credential"]) && field.is(Look::Small) {
            return Guess::Class(Class::TokenId);
        }
        return Guess::Class(Class::Secret);
    }
    if field.only("object") || field.types.contains("object") {
        return Guess::Undecided("an object that is sometimes empty");
    }
    if field.is(Look::Address)
        && (part(&[
            "addr",
            "address",
            "addresses",
            "client",
            "forwarded",
            "ip",
            "ips",
            "peer",
            "remote",
        ]) || parts
            .iter()
            .any(|part| part.ends_with("ip") || part.ends_with("ips") || part.ends_with("ipaddress")))
        && !part(&["local", "server", "upstream"])
    {
        return Guess::Class(Class::Ip);
    }
    if field.types.contains("list") {
        return Guess::Undecided("a list: no class but ip keeps one");
    }
    if field.is(Look::Instant) && !last(METRIC) {
        let named = part(&[
            "at",
            "created",
            "date",
            "datetime",
            "expires",
            "start",
            "time",
            "timestamp",
            "ts",
            "updated",
            "when",
        ]) || parts
            .iter()
            .any(|part| part.ends_with("time") || part.ends_with("timestamp"));
        if named {
            return Guess::Class(Class::Time);
        }
    }
    if field.only("boolean") {
        return Guess::Undecided("true or false: no class keeps truth values");
    }
    if field.values == 0 {
        return Guess::Undecided("always empty here");
    }
    if last(&["method", "verb"]) && field.is(Look::Method) {
        return Guess::Class(Class::Method);
    }
    if ends(&[
        &["status"],
        &["code"],
        &["level"],
        &["severity"],
        &["result"],
        &["outcome"],
        &["state"],
        &["success"],
        &["status", "code"],
        &["loglevel"],
        &["levelname"],
    ]) && !part(&["country", "zip", "postal"])
    {
        if field.is(Look::Small) && few {
            return Guess::Class(Class::Status);
        }
        if field.is(Look::StatusWord) {
            return Guess::Words(field.words.iter().cloned().collect());
        }
    }
    if part(&["agent", "ua", "useragent"]) && field.is(Look::Agent) {
        return Guess::Class(Class::Agent);
    }
    if field.is(Look::Email) && part(&["email", "mail", "emails", "login", "user", "username"]) {
        return Guess::Class(Class::Email);
    }
    let keyed = field.is(Look::Key) || field.is(Look::Compact) && field.distinct().is_none();
    if ends(&[
        &["request", "id"],
        &["correlation", "id"],
        &["trace", "id"],
        &["traceid"],
        &["requestid"],
        &["correlationid"],
        &["req", "id"],
        &["span", "id"],
        &["event", "id"],
        &["eventid"],
        &["audit", "id"],
        &["auditid"],
    ]) && keyed
    {
        return Guess::Class(Class::Correlation);
    }
    if field.is(Look::DiskPath) {
        return Guess::Class(Class::System);
    }
    if (last(&["path", "uri", "url", "referer", "referrer", "endpoint"])
        || ends(&[&["requesturi"], &["target", "url"]]))
        && field.is(Look::Url)
        && !field.is(Look::DiskPath)
    {
        return Guess::Class(Class::Resource);
    }
    let person = part(&[
        "account",
        "actor",
        "author",
        "creator",
        "customer",
        "login",
        "member",
        "owner",
        "principal",
        "remote",
        "user",
        "username",
    ]) || parts
        .iter()
        .any(|part| part.ends_with("user") || part.ends_with("username"));
    if (ends(&[
        &["user", "id"],
        &["userid"],
        &["uid"],
        &["actor", "id"],
        &["author", "id"],
        &["account", "id"],
        &["member", "id"],
        &["owner", "id"],
    ])) && field.is(Look::Integer)
        && !part(&["tenant", "org", "organization"])
    {
        return Guess::Class(Class::UserId);
    }
    if ends(&[
        &["full", "name"],
        &["fullname"],
        &["display", "name"],
        &["displayname"],
        &["real", "name"],
        &["first", "name"],
        &["last", "name"],
    ]) && !field.is(Look::Integer)
    {
        return Guess::Class(Class::Name);
    }
    if person
        && compact
        && !numeric
        && !field.is(Look::Url)
        && (last(&[
            "actor",
            "author",
            "creator",
            "login",
            "member",
            "name",
            "owner",
            "principal",
            "user",
            "username",
        ]) || parts
            .last()
            .is_some_and(|part| part.ends_with("user") || part.ends_with("username")))
    {
        return Guess::Class(Class::User);
    }
    if person && !numeric {
        return Guess::Undecided("it may name somebody: user, user_id, name or email?");
    }
    if part(&[
        "namespace",
        "org",
        "organization",
        "organisation",
        "tenant",
        "workspace",
        "group",
        "team",
    ]) && compact
        && !field.is(Look::Url)
    {
        return if field.is(Look::Integer) && last(&["id"]) {
            Guess::Class(Class::NamespaceId)
        } else if numeric {
            Guess::Undecided("a number: whose?")
        } else {
            Guess::Class(Class::Namespace)
        };
    }
    if part(&["bucket", "project", "repo", "repository"]) && compact && !field.is(Look::Url) {
        return if field.is(Look::Integer) && last(&["id"]) {
            Guess::Class(Class::ProjectId)
        } else if numeric {
            Guess::Undecided("a number: whose?")
        } else {
            Guess::Class(Class::Project)
        };
    }
    if last(&[
        "action",
        "activity",
        "event",
        "eventname",
        "eventtype",
        "operation",
    ]) || ends(&[
        &["event", "name"],
        &["event", "type"],
        &["action", "name"],
        &["event", "action"],
    ]) {
        if field.is(Look::Word) && few {
            return Guess::ClosedEvent;
        }
        return Guess::Undecided("what happened? an event, if the platform coins these names");
    }
    if numeric && part(METRIC) {
        return Guess::Class(Class::Metric);
    }
    if part(SYSTEM) {
        return Guess::Class(Class::System);
    }
    if field.is(Look::Json) {
        return Guess::Undecided("JSON in a string: params, if it holds parameters");
    }
    if last(TEXT) || field.sentences * 2 > field.values {
        return Guess::Class(Class::Text);
    }
    if field.is(Look::Address) {
        return Guess::Undecided("addresses: ip, or system if they are the platform's");
    }
    if numeric {
        return Guess::Undecided("numbers: an id of whom? a metric?");
    }
    Guess::Undecided("does it name somebody? what may be said of it?")
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn parts_of_names() {
        for (name, wanted) in [
            ("remoteAddr", "remote addr"),
            ("remote_addr", "remote addr"),
            ("userIdentity.userName", "user identity user name"),
            ("@timestamp", "timestamp"),
            ("sourceIPAddress", "source ipaddress"),
        ] {
            assert_eq!(parts(name).join(" "), wanted, "{name}");
        }
    }
}
