//! What the dive left for its verifier in `internal/`.

use std::fs;
use std::path::Path;

use decostop_profile::{Class, NamespaceScope, Profile, ProjectScope, Scope, UserScope, Values};
use serde::Deserialize;

use crate::error::Error;
use crate::ground::Ground;

/// The ground of a finished artefact.
pub(crate) struct Facts {
    pub(crate) ground: Ground,
    pub(crate) ad_hoc: bool,
}

#[derive(Deserialize)]
struct RequestFile {
    #[serde(default)]
    ad_hoc: bool,
    #[serde(default)]
    scope: ScopeTable,
    #[serde(default)]
    select: Vec<Select>,
    #[serde(default)]
    disclosure: Disclosure,
}

#[derive(Default, Deserialize)]
struct ScopeTable {
    #[serde(default)]
    namespaces: Vec<Entry>,
    #[serde(default)]
    projects: Vec<Entry>,
    #[serde(default)]
    users: Vec<Entry>,
}

/// An entry of the scope: its path or name alone, or a table.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Name(String),
    Table(Box<EntryTable>),
}

#[derive(Default, Deserialize)]
struct EntryTable {
    #[serde(default)]
    path: String,
    #[serde(default)]
    username: String,
    id: Option<u64>,
    #[serde(default)]
    emails: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    since: Option<Edge>,
    until: Option<Edge>,
    #[serde(default)]
    formerly: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Edge {
    Text(String),
    Toml(toml::value::Datetime),
}

impl Edge {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Toml(instant) => instant.to_string(),
        }
    }
}

#[derive(Default, Deserialize)]
struct Select {
    #[serde(default)]
    correlation_ids: Vec<String>,
    #[serde(default)]
    token_ids: Vec<TokenId>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TokenId {
    Number(u64),
    Text(String),
}

#[derive(Default, Deserialize)]
struct Disclosure {
    #[serde(default)]
    personal_data: bool,
}

#[derive(Deserialize)]
struct RunFile {
    profile: RunProfile,
}

#[derive(Deserialize)]
struct RunProfile {
    name: String,
    digest: String,
}

impl Entry {
    fn table(self, name: fn(&mut EntryTable) -> &mut String) -> EntryTable {
        match self {
            Self::Table(table) => *table,
            Self::Name(text) => {
                let mut table = EntryTable::default();
                *name(&mut table) = text;
                table
            }
        }
    }
}

impl ScopeTable {
    fn scope(self) -> Scope {
        let namespaces = self.namespaces.into_iter().map(|entry| {
            let entry = entry.table(|table| &mut table.path);
            NamespaceScope {
                path: entry.path,
                id: entry.id,
                since: entry.since.map(Edge::text),
                until: entry.until.map(Edge::text),
                formerly: entry.formerly,
            }
        });
        let projects = self.projects.into_iter().map(|entry| {
            let entry = entry.table(|table| &mut table.path);
            ProjectScope {
                path: entry.path,
                id: entry.id,
                since: entry.since.map(Edge::text),
                until: entry.until.map(Edge::text),
                formerly: entry.formerly,
            }
        });
        let users = self.users.into_iter().map(|entry| {
            let entry = entry.table(|table| &mut table.username);
            UserScope {
                username: entry.username,
                id: entry.id,
                emails: entry.emails,
                names: entry.names,
                since: entry.since.map(Edge::text),
                until: entry.until.map(Edge::text),
                formerly: entry.formerly,
            }
        });
        Scope {
            namespaces: namespaces.collect(),
            projects: projects.collect(),
            users: users.collect(),
        }
    }
}

fn text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|cause| Error::io(path, cause))
}

/// Reads everything and holds the profile against the one of the dive.
pub(crate) fn read(dir: &Path, profile: &Profile) -> Result<Facts, Error> {
    let internal = dir.join("internal");
    let path = internal.join("run.json");
    let run: RunFile =
        serde_json::from_str(&text(&path)?).map_err(|_| Error::file(&path, "is not a run's record"))?;
    if run.profile.name != profile.name || !run.profile.digest.eq_ignore_ascii_case(&profile.digest) {
        return Err(Error::file(
            &path,
            "the dive was made with another profile than this one",
        ));
    }
    let path = internal.join("request.toml");
    let request: RequestFile =
        toml::from_str(&text(&path)?).map_err(|_| Error::file(&path, "is not a request"))?;
    let path = internal.join("key");
    let request_key = key(&text(&path)?).ok_or_else(|| Error::file(&path, "is not a request's key"))?;
    let mut correlation_ids = Vec::new();
    let mut token_ids = Vec::new();
    for select in request.select {
        correlation_ids.extend(select.correlation_ids);
        token_ids.extend(select.token_ids.into_iter().map(|id| match id {
            TokenId::Number(id) => id.to_string(),
            TokenId::Text(id) => id,
        }));
    }
    let (foreign, linked) = dictionary(&internal.join("dictionary.csv"))?;
    let ground = Ground {
        scope: request.scope.scope(),
        personal_data: request.disclosure.personal_data,
        correlation_ids,
        token_ids,
        foreign,
        linked,
        request_key,
    };
    Ok(Facts {
        ground,
        ad_hoc: request.ad_hoc,
    })
}

/// `decostop-request-key-v1 <64 hexadecimal digits>`.
fn key(text: &str) -> Option<[u8; 32]> {
    let digits = text
        .strip_prefix("decostop-request-key-v1 ")?
        .trim_end_matches(['\r', '\n']);
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

fn dictionary(path: &Path) -> Result<(Values, Vec<(Class, String)>), Error> {
    let bad = || {
        Error::file(
            path,
            "is not a dictionary with the columns class, value, standing",
        )
    };
    let file = fs::File::open(path).map_err(|cause| Error::io(path, cause))?;
    let mut reader = csv::Reader::from_reader(std::io::BufReader::new(file));
    if reader.headers().map_err(|_| bad())? != vec!["class", "value", "standing"] {
        return Err(bad());
    }
    let (mut foreign, mut linked) = (Values::new(), Vec::new());
    for row in reader.into_records() {
        let row = row.map_err(|_| bad())?;
        let class = row
            .get(0)
            .and_then(crate::closure::class_by_name)
            .ok_or_else(bad)?;
        let value = row.get(1).ok_or_else(bad)?;
        match row.get(2) {
            Some("foreign") => foreign.push(class, value),
            Some("linked") => linked.push((class, value.to_owned())),
            _ => return Err(bad()),
        }
    }
    Ok((foreign, linked))
}
