//! A small world of accounts, and records about them in every dress.

use decostop_profile::{Class, Source};

use crate::common::plan;
use crate::draw::{Draw, json_string, percent, recase};

/// A person.
pub(crate) struct Person {
    pub(crate) user: &'static str,
    pub(crate) id: u64,
    pub(crate) email: &'static str,
    pub(crate) name: &'static str,
}

/// A namespace or a project.
pub(crate) struct Place {
    pub(crate) path: &'static str,
    pub(crate) id: u64,
}

/// The scope in a request's words; what it names is [`OWN`].
pub(crate) const SCOPE: &str = r#"
namespaces = [{ path = "acmecorp", id = 770077, formerly = ["acmelabs"] }]
projects = [{ path = "acmecorp/payments/api", id = 5119100 }, { path = "partner/shared-lib", id = 5119101 }]
users = [
  { username = "alicequartz", id = 1001001, emails = ["alice.quartz@acmecorp.example"], names = ["Alice Quartzfield"] },
  { username = "bobzephyr", id = 1001002, names = ["Bob Zephyrson"] },
]
"#;

pub(crate) const PEOPLE: &[Person] = &[
    Person { user: "alicequartz", id: 1_001_001, email: "alice.quartz@acmecorp.example", name: "Alice Quartzfield" },
    Person { user: "bobzephyr", id: 1_001_002, email: "bob@zephyrson.example", name: "Bob Zephyrson" },
    Person { user: "mallorykvist", id: 8_800_001, email: "mallory@kvistgaard.example", name: "Mallory Kvistgaard" },
    Person { user: "zoë-krümel", id: 8_800_002, email: "zoe.kruemel@fremdling.example", name: "Zoë Krümelmann" },
    Person { user: "trudy_vexler.3", id: 8_800_003, email: "trudy+gl@vexlerhaus.example", name: "Trudy Vexlerová" },
];

/// The first so many people belong to the scope.
pub(crate) const OWN_PEOPLE: usize = 2;

pub(crate) const PLACES: &[Place] = &[
    Place { path: "acmecorp", id: 770_077 },
    Place { path: "acmecorp/payments/api", id: 5_119_100 },
    Place { path: "partner/shared-lib", id: 5_119_101 },
    Place { path: "acmecorp/payments", id: 770_078 },
    Place { path: "acmelabs/older", id: 5_119_104 },
    Place { path: "othervik/secretforge", id: 9_900_001 },
    Place { path: "othervik", id: 9_900_002 },
    Place { path: "mallorykvist/dotfilez", id: 9_900_003 },
    Place { path: "acmecorpse/deepvault", id: 9_900_004 },
];

/// The first so many places belong to the scope.
pub(crate) const OWN_PLACES: usize = 5;

pub(crate) const ADDRESSES: &[&str] = &["81.2.69.144", "67.43.156.72", "2a02:1210:abcd::77", "10.20.30.40"];

pub(crate) const KEYS: &[&str] = &["01JQZKVXW0FUZZCORRELATION1", "9f8e7d6c5b4a39281706f5e4d3c2b1a0", "4455667"];

/// Credentials in the forms that GitLab and others give them; simple and fake.
pub(crate) const SECRETS: &[&str] = &[
    "glpat-Zq9xKvW3mTfB7hYpLs2d",
    "glrt-t1_Zq9xKvW3mTfB7hYpLs2d",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ6cTkifQ.Zq9xKvW3mTfB7hYpLs2dQw",
    "hunter2-Zq9xKvW3",
    "AKIAZQ9XKVW3MTFB7HYP",
    "https://deploy:Zq9xKvW3mTfB@host.example/x",
];

/// What is confidential about the platform.
pub(crate) const SYSTEM: &[&str] = &["web-07-sv-gprd.c.kvx-production.internal", "/var/opt/gitlab/git-data/repositories/@hashed/6b/86"];

/// The JSON text of a value that names `person` or `place` in the way of a class.
pub(crate) fn identity(draw: &mut Draw<'_>, class: Class, person: &Person, place: &Place) -> String {
    let text = match class {
        Class::User => {
            let name = recase(draw, person.user);
            if draw.one_in(4) { format!("@{name}") } else { name }
        }
        Class::Email => recase(draw, person.email),
        Class::Name => recase(draw, person.name),
        Class::UserId => return id(draw, person.id, &["", "user-", "user/", "gid://gitlab/User/"]),
        Class::ProjectId if draw.one_in(4) => path(draw, place.path),
        Class::ProjectId => return id(draw, place.id, &["", "project-", "wiki-", "gid://gitlab/Project/", "projects/"]),
        Class::NamespaceId => return id(draw, place.id, &["", "gid://gitlab/Group/", "gid://gitlab/Namespace/", "groups/"]),
        Class::Project | Class::Namespace => path(draw, place.path),
        Class::Ip => address(draw),
        Class::Correlation | Class::TokenId => (*draw.of(KEYS)).to_owned(),
        _ => url(draw, person, place),
    };
    json_string(draw, &text)
}

fn id(draw: &mut Draw<'_>, id: u64, prefixes: &[&str]) -> String {
    if draw.one_in(2) {
        return id.to_string();
    }
    let text = format!("{}{id}", draw.of(prefixes));
    json_string(draw, &text)
}

fn path(draw: &mut Draw<'_>, path: &str) -> String {
    let mut text = recase(draw, path);
    if draw.one_in(4) {
        text.push_str(draw.text_of(&[".git", ".wiki", ".wiki.git", "/deeper", "/"]));
    }
    if draw.one_in(4) { percent(draw, &text, "/") } else { text }
}

fn address(draw: &mut Draw<'_>) -> String {
    let address = *draw.of(ADDRESSES);
    let one: String = match (address.parse(), draw.below(6)) {
        (Ok(std::net::IpAddr::V4(v4)), 1) => format!("::ffff:{v4}"),
        (Ok(std::net::IpAddr::V4(v4)), 2) => format!("{v4}:{}", draw.below(65536)),
        (Ok(std::net::IpAddr::V4(v4)), 3) => {
            let [a, b, c, d] = v4.octets();
            format!("::ffff:{a:02x}{b:02x}:{c:02X}{d:02x}")
        }
        (Ok(std::net::IpAddr::V6(v6)), 1) => format!("[{v6}]:443"),
        (Ok(std::net::IpAddr::V6(v6)), 2) => v6.segments().map(|part| format!("{part:04X}")).join(":"),
        _ => address.to_owned(),
    };
    if draw.one_in(4) { format!("{one}, 127.0.0.1") } else { one }
}

/// A URL or path that names the place or the person.
pub(crate) fn url(draw: &mut Draw<'_>, person: &Person, place: &Place) -> String {
    let project = recase(draw, place.path);
    let coded = percent(draw, &project, "/");
    let half = percent(draw, &project, "");
    let user = percent(draw, person.user, "");
    let mut text = match draw.below(12) {
        0 => format!("/{half}"),
        1 => format!("/{half}.git/info/refs"),
        2 => format!("/{half}/-/blob/main/{}", draw.of(&["README.md", SECRETS[0], "a b/c"])),
        3 => format!("/api/v4/projects/{coded}/members/{}", person.id),
        4 => format!("/api/v4/projects/{}/repository/files/{}", place.id, draw.of(&["README.md", SECRETS[3]])),
        5 => format!("/{user}"),
        6 => format!("/users/{user}"),
        7 => format!("/groups/{half}/-/group_members"),
        8 => format!("/-/invites/{}", SECRETS[0]),
        9 => format!("/api/v4/groups/{coded}/variables/{}", draw.of(&["KEY", SECRETS[4]])),
        10 => format!("/uploads/{}/x.png", SECRETS[1]),
        _ => format!("/{half}/-/{}", draw.text(20)),
    };
    if draw.one_in(3) {
        text = format!("https://gitlab.example.com{text}");
    }
    if draw.one_in(3) {
        let value = percent(draw, person.user, "");
        let secret = percent(draw, SECRETS[0], "");
        text.push_str(&format!("?{}={value}&private_token={secret}", draw.of(&["username", "search", "user[username]", "author_username"])));
    }
    text
}

/// Parameters in one of the forms that logs have them in.
pub(crate) fn params(draw: &mut Draw<'_>, person: &Person, place: &Place) -> String {
    let profile = &plan().profile;
    let listed: Vec<(&String, &Class)> = profile.params.iter().collect();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for _ in 0..=draw.below(3) {
        let (key, class) = *draw.of(&listed);
        let value = match class {
            class if class.is_identity() => identity(draw, *class, person, place),
            _ => loose(draw, person, place),
        };
        pairs.push((key.clone(), value));
        if draw.one_in(4) {
            let key = (*draw.of(&["utf8", "password", "zzz", person.user, SECRETS[0]])).to_owned();
            let value = loose(draw, person, place);
            pairs.push((key, value));
        }
    }
    let object = |pairs: &[(String, String)]| {
        let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{}:{value}", serde_json::Value::from(key.as_str()))).collect();
        format!("{{{}}}", pairs.join(","))
    };
    let list = |pairs: &[(String, String)]| {
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{{\"key\":{},\"value\":{value}}}", serde_json::Value::from(key.as_str()))).collect();
        format!("[{}]", pairs.join(","))
    };
    match draw.below(6) {
        0 | 1 => object(&pairs),
        2 | 3 => list(&pairs),
        4 => json_string(draw, &object(&pairs)),
        _ => format!("[{}]", object(&pairs)),
    }
}

/// Any JSON value, most likely one that should not come out.
pub(crate) fn loose(draw: &mut Draw<'_>, person: &Person, place: &Place) -> String {
    let text = prose(draw, person, place);
    match draw.below(8) {
        0 => (*draw.of(&["null", "true", "0", "-1", "1e3", "12.50", "8800001", "9900001", "[]", "{}"])).to_owned(),
        1 => format!("[{},{}]", json_string(draw, &text), draw.below(100_000)),
        2 => format!("{{{}:{}}}", json_string(draw, person.user), json_string(draw, &text)),
        _ => json_string(draw, &text),
    }
}

/// Text with names, secrets and words in it, perhaps encoded.
pub(crate) fn prose(draw: &mut Draw<'_>, person: &Person, place: &Place) -> String {
    let mut out = String::new();
    for _ in 0..=draw.below(5) {
        let word = match draw.below(14) {
            0 => person.user.to_owned(),
            1 => person.email.to_owned(),
            2 => person.name.to_owned(),
            3 => place.path.to_owned(),
            4 => (*draw.of(SECRETS)).to_owned(),
            5 => (*draw.of(SYSTEM)).to_owned(),
            6 => (*draw.of(ADDRESSES)).to_owned(),
            7 => person.id.to_string(),
            8 => draw.text(12),
            9 => format!("username={}", person.user),
            10 => format!("Failed Login: username={} ip={}", person.user, draw.of(ADDRESSES)),
            11 => draw.word(8),
            _ => (*draw.of(&["project", "deleted", "by", "user", "42", "the", "Member", "(failed)", "2026", "error:"])).to_owned(),
        };
        let word = match draw.below(10) {
            0 => encoded(draw, &word),
            1 => recase(draw, &word),
            _ => word,
        };
        if !out.is_empty() {
            out.push_str(draw.text_of(&[" ", " ", " ", "/", "=", ":", "-", ".", "_", "", "\n", "\u{200b}", "\u{1b}[1m"]));
        }
        out.push_str(&word);
    }
    out
}

/// A text in an encoding that a reader could undo.
pub(crate) fn encoded(draw: &mut Draw<'_>, text: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    match draw.below(7) {
        0 => STANDARD.encode(text),
        1 => URL_SAFE_NO_PAD.encode(format!("{}{text}", draw.of(&["x", "xy", "user:"]))),
        2 => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        3 => text.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        4 => text.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        5 => text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(),
        _ => STANDARD_NO_PAD.encode(text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>()),
    }
}

/// Fields that a record of this source would have, and some that it would not.
pub(crate) fn record(draw: &mut Draw<'_>, source: &Source) -> String {
    let fields: Vec<(&String, Class)> =
        source.fields.iter().flat_map(|(name, spec)| spec.classes().map(move |class| (name, class))).filter(|(_, class)| *class != Class::Metric).collect();
    let day = draw.below(7) + 1;
    let mut out = vec![format!("\"time\":\"2026-11-0{day}T10:00:00.{:03}Z\"", draw.below(1000))];
    let (mut person, mut place) = (draw.of(PEOPLE), draw.of(PLACES));
    for _ in 0..=draw.below(8) {
        if draw.one_in(3) {
            (person, place) = (draw.of(PEOPLE), draw.of(PLACES));
        }
        let (name, class) = *draw.of(&fields);
        if matches!(class, Class::Time) {
            continue;
        }
        let value = match class {
            _ if draw.one_in(12) => loose(draw, person, place),
            class if class.is_identity() || matches!(class, Class::Correlation | Class::TokenId) => identity(draw, class, person, place),
            Class::Resource => {
                let url = url(draw, person, place);
                json_string(draw, &url)
            }
            Class::Params => params(draw, person, place),
            Class::Event => event(draw, source, person),
            Class::Method => (*draw.of(&["\"GET\"", "\"POST\"", "\"get\"", "\"mallorykvist\""])).to_owned(),
            Class::Status => (*draw.of(&["200", "\"OK\"", "\"done\"", "404", "8800001", "\"mallorykvist\"", "1234567"])).to_owned(),
            Class::Agent => {
                let agent = format!("{} ({})", draw.of(&["git/2.43.0", "Mozilla/5.0", "zq9/1", "curl/8.1.2"]), prose(draw, person, place));
                json_string(draw, &agent)
            }
            _ => {
                let text = prose(draw, person, place);
                json_string(draw, &text)
            }
        };
        let key = match draw.below(16) {
            0 => json_string(draw, person.user),
            1 => json_string(draw, &format!("{name}.{}", place.path)),
            2 => json_string(draw, name),
            _ => format!("\"{name}\""),
        };
        match (name.split_once('.'), draw.below(4)) {
            (Some((outer, inner)), 0) => out.push(format!("\"{outer}\":{{\"{inner}\":{value}}}")),
            _ => out.push(format!("{key}:{value}")),
        }
    }
    format!("{{{}}}", out.join(","))
}

fn event(draw: &mut Draw<'_>, source: &Source, person: &Person) -> String {
    let profile = &plan().profile;
    let patterns: Vec<&String> = profile.events.iter().filter_map(|event| event.raw.get(&source.name)).flatten().collect();
    let text = match draw.below(6) {
        0 => person.user.to_owned(),
        1 => "Projects::BlobController#show".to_owned(),
        2 => draw.text(16),
        _ if patterns.is_empty() => "show".to_owned(),
        _ => (*draw.of(&patterns)).replace('*', "show"),
    };
    let half = draw.one_in(2);
    json_string(draw, text.split_once('#').filter(|_| half).map_or(text.as_str(), |(before, _)| before))
}
