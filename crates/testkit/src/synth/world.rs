//! Who and what exists: tenants, users, projects and the platform's own machinery. Built from the
//! seed alone, so that each file can be written without knowing the others.

use std::collections::HashSet;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::rng::{HEX, Rng, mix};

/// The customer.
pub(crate) const OURS: u32 = 0;
/// The neighbour whose names and ids begin as the customer's do.
pub(crate) const TWIN: u32 = 1;

const USERS: u32 = 10;
const PROJECTS: u32 = 7;
const GUESTS: usize = 48;

/// What a value of the world is, for the account of what occurs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Mark {
    Root,
    Project,
    ProjectId,
    GroupId,
    UserName,
    UserId,
    Display,
    Email,
    Ip,
    Host,
    Internal,
    Storage,
    Sql,
    Frame,
    Disk,
}

impl Mark {
    pub(crate) const ALL: [Self; 15] = [
        Self::Root,
        Self::Project,
        Self::ProjectId,
        Self::GroupId,
        Self::UserName,
        Self::UserId,
        Self::Display,
        Self::Email,
        Self::Ip,
        Self::Host,
        Self::Internal,
        Self::Storage,
        Self::Sql,
        Self::Frame,
        Self::Disk,
    ];

    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Root => "namespace",
            Self::Project => "project",
            Self::ProjectId => "project_id",
            Self::GroupId => "namespace_id",
            Self::UserName => "user",
            Self::UserId => "user_id",
            Self::Display => "name",
            Self::Email => "email",
            Self::Ip => "ip",
            _ => "system",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) root: String,
    pub(crate) formerly: String,
    pub(crate) id: u64,
    pub(crate) users: std::ops::Range<u32>,
    pub(crate) projects: std::ops::Range<u32>,
}

#[derive(Debug)]
pub(crate) struct User {
    pub(crate) tenant: u32,
    pub(crate) username: String,
    pub(crate) id: u64,
    pub(crate) display: String,
    pub(crate) email: String,
    pub(crate) ip: String,
    pub(crate) agent: usize,
}

#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) tenant: u32,
    /// The user in whose personal namespace it lies.
    pub(crate) personal: Option<u32>,
    pub(crate) path: String,
    pub(crate) id: u64,
    /// `@hashed/…` without suffix.
    pub(crate) disk: String,
}

impl Project {
    /// Whether it belongs to the customer, not to one of the customer's people.
    pub(crate) fn is_ours(&self) -> bool {
        self.tenant == OURS && self.personal.is_none()
    }

    pub(crate) fn group(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(group, _)| group)
    }

    pub(crate) fn root(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// The platform itself: everything here is confidential.
#[derive(Debug, Default)]
pub(crate) struct System {
    pub(crate) hosts: Vec<String>,
    pub(crate) internal: Vec<String>,
    pub(crate) storages: Vec<String>,
    pub(crate) sql: Vec<String>,
    pub(crate) frames: Vec<String>,
    pub(crate) disks: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) tenants: Vec<Tenant>,
    users: Vec<User>,
    projects: Vec<Project>,
    /// Employees of the platform, with tenants' privileges.
    pub(crate) staff: Vec<u32>,
    /// Foreign users whom free text may name: each also acts on a project of the customer.
    pub(crate) guests: Vec<u32>,
    pub(crate) system: System,
}

impl World {
    pub(crate) fn tenant(&self, index: u32) -> &Tenant {
        &self.tenants[index as usize]
    }

    pub(crate) fn user(&self, index: u32) -> &User {
        &self.users[index as usize]
    }

    pub(crate) fn project(&self, index: u32) -> &Project {
        &self.projects[index as usize]
    }

    /// How many values of a kind exist.
    pub(crate) fn count(&self, mark: Mark) -> usize {
        match mark {
            Mark::Root | Mark::GroupId => self.tenants.len(),
            Mark::Project | Mark::ProjectId => self.projects.len(),
            Mark::UserName | Mark::UserId | Mark::Display | Mark::Email | Mark::Ip => self.users.len(),
            Mark::Host => self.system.hosts.len(),
            Mark::Internal => self.system.internal.len(),
            Mark::Storage => self.system.storages.len(),
            Mark::Sql => self.system.sql.len(),
            Mark::Frame => self.system.frames.len(),
            Mark::Disk => self.projects.len() + self.system.disks.len(),
        }
    }

    /// The text of a value.
    pub(crate) fn value(&self, mark: Mark, index: u32) -> String {
        let at = index as usize;
        let text = |list: &[String]| list.get(at).cloned().unwrap_or_default();
        match mark {
            Mark::Root => self.tenant(index).root.clone(),
            Mark::GroupId => self.tenant(index).id.to_string(),
            Mark::Project => self.project(index).path.clone(),
            Mark::ProjectId => self.project(index).id.to_string(),
            Mark::UserName => self.user(index).username.clone(),
            Mark::UserId => self.user(index).id.to_string(),
            Mark::Display => self.user(index).display.clone(),
            Mark::Email => self.user(index).email.clone(),
            Mark::Ip => self.user(index).ip.clone(),
            Mark::Host => text(&self.system.hosts),
            Mark::Internal => text(&self.system.internal),
            Mark::Storage => text(&self.system.storages),
            Mark::Sql => text(&self.system.sql),
            Mark::Frame => text(&self.system.frames),
            Mark::Disk => self.projects.get(at).map_or_else(
                || self.system.disks[at - self.projects.len()].clone(),
                |p| p.disk.clone(),
            ),
        }
    }

    /// Whether a value belongs to the customer.
    pub(crate) fn own(&self, mark: Mark, index: u32) -> bool {
        match mark {
            Mark::Root | Mark::GroupId => index == OURS,
            Mark::Project | Mark::ProjectId => {
                self.project(index).tenant == OURS && self.project(index).personal.is_none()
            }
            Mark::UserName | Mark::UserId | Mark::Display | Mark::Email | Mark::Ip => {
                self.user(index).tenant == OURS
            }
            _ => false,
        }
    }

    pub(crate) fn new(seed: u64, tenants: u32, namespaces: u32) -> Self {
        Builder {
            rng: Rng::new(mix(seed, 0x3057)),
            taken: HashSet::new(),
        }
        .world(tenants.max(4), namespaces.max(1))
    }

    /// The customer's root namespaces, the one of the truth first.
    pub(crate) fn own_roots(&self) -> Vec<&str> {
        let ours = self.tenant(OURS);
        let mut roots = vec![ours.root.as_str()];
        for project in ours.projects.clone().map(|index| self.project(index)) {
            if project.is_ours() && !roots.contains(&project.root()) {
                roots.push(project.root());
            }
        }
        roots
    }
}

struct Builder {
    rng: Rng,
    taken: HashSet<String>,
}

impl Builder {
    fn world(mut self, count: u32, namespaces: u32) -> World {
        let mut world = World {
            tenants: Vec::new(),
            users: Vec::new(),
            projects: Vec::new(),
            staff: Vec::new(),
            guests: Vec::new(),
            system: self.system(),
        };
        for tenant in 0..count {
            let first_user = world.users.len() as u32;
            for _ in 0..USERS {
                let user = self.user(tenant);
                world.users.push(user);
            }
            let root = format!("{}-{}", self.word(3), self.word(2));
            let first_project = world.projects.len() as u32;
            let own = if tenant == OURS { namespaces } else { 1 };
            let mut roots = vec![root];
            for n in 0..PROJECTS.max(own) {
                if n > 0 && n < own {
                    roots.push(format!("{}-{}", self.word(3), self.word(2)));
                }
                let root = &roots[n as usize % roots.len()];
                // The first of the customer's projects lies in a subgroup, so that one always exists.
                let path = match if n == 0 { 0 } else { self.rng.below(3) } {
                    0 => format!("{root}/{}/{}", self.word(2), self.word(3)),
                    1 => format!("{root}/{}/{}/{}", self.word(2), self.word(2), self.word(3)),
                    _ => format!("{root}/{}", self.word(3)),
                };
                let project = self.project(tenant, None, path);
                world.projects.push(project);
            }
            let owner = first_user + 3;
            let path = format!("{}/{}", world.users[owner as usize].username, self.word(3));
            let project = self.project(tenant, Some(owner), path);
            world.projects.push(project);
            world.tenants.push(Tenant {
                formerly: format!("{}{}", self.word(3), self.word(2)),
                root: roots.swap_remove(0),
                id: self.id(),
                users: first_user..world.users.len() as u32,
                projects: first_project..world.projects.len() as u32,
            });
        }
        for _ in 0..3 {
            world.staff.push(world.users.len() as u32);
            let user = self.user(count);
            world.users.push(user);
        }
        twin(&mut world);
        for tenant in &world.tenants {
            let project = &world.projects[tenant.projects.start as usize + 1];
            self.bot(&mut world.users[tenant.users.end as usize - 1], project);
        }
        namesakes(&mut world);
        let others = world.tenants.iter().skip(1).flat_map(|t| t.users.clone().take(2));
        world.guests = others.take(GUESTS).chain(world.staff.iter().copied()).collect();
        world
    }

    fn system(&mut self) -> System {
        let estate = self.word(3);
        let mut system = System::default();
        for n in 0..12 {
            let role = ["web", "api", "git", "sidekiq"][n % 4];
            system
                .hosts
                .push(format!("{role}-{n:02}-sv-gprd.c.{estate}-production.internal"));
        }
        while system.internal.len() < 40 {
            let (a, b, c) = (
                self.rng.below(250) + 1,
                self.rng.below(250) + 1,
                self.rng.below(250) + 1,
            );
            system.internal.push(match self.rng.below(3) {
                0 => format!("10.{a}.{b}.{c}"),
                1 => format!("172.{}.{b}.{c}", 16 + a % 16),
                _ => format!("192.168.{b}.{c}"),
            });
        }
        for n in 0..6 {
            system.storages.push(format!("nfs-{}{n:02}", self.word(2)));
        }
        for table in ["members", "projects", "ci_builds", "keys", "notes", "web_hooks"] {
            let relation = format!("{table}_{}", self.word(2));
            system.sql.push(format!(
                r#"SELECT "{relation}".* FROM "{relation}" WHERE "{relation}"."id" = $1 /*application:web,db_config_name:{estate}_replica*/"#
            ));
        }
        for n in 0..10 {
            let (file, method) = (self.word(3), self.word(2));
            let dir = ["app/services", "lib/gitlab", "ee/app/workers"][n % 3];
            system.frames.push(format!(
                "{dir}/{file}.rb:{}:in `{method}'",
                10 + self.rng.below(400)
            ));
            system
                .disks
                .push(format!("/var/opt/gitlab/{}/{file}/{method}", self.word(2)));
        }
        system
    }

    fn user(&mut self, tenant: u32) -> User {
        let (first, last) = (self.word(2), self.word(3));
        let domain = format!("{}-{}.example", self.word(2), self.word(2));
        let username = match self.rng.below(3) {
            0 => format!("{first}.{last}{}", 10 + self.rng.below(90)),
            1 => format!("{first}{last}"),
            _ => format!("{first}_{last}"),
        };
        User {
            tenant,
            username: self.claim(username),
            id: self.id(),
            display: format!("{} {}", title(&first), title(&last)),
            email: format!("{first}.{last}@{domain}"),
            ip: self.address(),
            agent: self.rng.below(64) as usize,
        }
    }

    /// Makes a user the one behind a project's access token: its name gives the project away.
    fn bot(&mut self, user: &mut User, project: &Project) {
        let tail = self.rng.string(HEX, 16);
        user.username = format!("project_{}_bot_{tail}", project.id);
        user.email = format!("{}@noreply.gitlab.com", user.username);
        user.display = format!("deploy {}", self.word(3));
    }

    fn project(&mut self, tenant: u32, personal: Option<u32>, path: String) -> Project {
        let id = self.id();
        Project {
            tenant,
            personal,
            path,
            id,
            disk: disk(id),
        }
    }

    fn id(&mut self) -> u64 {
        loop {
            // At most seven digits: the twin's id has one more and must stay within 32 bits.
            let id = 1_000_000 + self.rng.below(9_000_000);
            if self.taken.insert(id.to_string()) {
                return id;
            }
        }
    }

    fn address(&mut self) -> String {
        loop {
            let address = if self.rng.often(150) {
                let tail = self.rng.string(HEX, 3);
                format!(
                    "2a02:{:x}:{:x}::1{tail}",
                    0x1000 + self.rng.below(0xE000),
                    0x1000 + self.rng.below(0xE000)
                )
            } else {
                // No private, shared, loopback or documentation range begins with these.
                let (a, b) = (11 + self.rng.below(80), self.rng.below(256));
                format!("{a}.{b}.{}.{}", self.rng.below(256), 1 + self.rng.below(254))
            };
            if self.taken.insert(address.clone()) {
                return address;
            }
        }
    }

    fn claim(&mut self, name: String) -> String {
        self.taken.insert(name.clone());
        name
    }

    /// A word that no dictionary holds, used once in a world.
    fn word(&mut self, syllables: usize) -> String {
        const HEADS: &[&str] = &[
            "b", "br", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p", "q", "r", "s",
            "t", "tr", "v", "vr", "w", "z", "zh",
        ];
        const HEARTS: &[&str] = &["a", "e", "i", "o", "u", "ae", "ie", "ou", "y"];
        const TAILS: &[&str] = &["", "", "", "k", "l", "n", "r", "sk", "th", "x", "zt"];
        loop {
            let mut word = String::new();
            for _ in 0..syllables {
                word.push_str(self.rng.pick::<&str>(HEADS));
                word.push_str(self.rng.pick::<&str>(HEARTS));
            }
            word.push_str(self.rng.pick::<&str>(TAILS));
            while word.len() < 6 {
                word.push(*self.rng.pick(&['j', 'k', 'q', 'v', 'w', 'x', 'z']));
            }
            if self.taken.insert(word.clone()) {
                return word;
            }
        }
    }
}

/// The neighbour: each of its identities begins as one of the customer's does.
fn twin(world: &mut World) {
    let theirs = format!("{}-labs", world.tenants[OURS as usize].root);
    let own_users = world.tenants[OURS as usize].users.clone();
    let own_projects = world.tenants[OURS as usize].projects.clone();
    world.users[own_users.start as usize].ip = format!("45.{}.30.7", world.tenants[OURS as usize].id % 250);
    for (mine, other) in own_projects.zip(world.tenants[TWIN as usize].projects.clone()) {
        let (path, id, personal) = {
            let known = &world.projects[mine as usize];
            (known.path.clone(), known.id * 10 + 3, known.personal)
        };
        let project = &mut world.projects[other as usize];
        if personal.is_none() {
            let (_, rest) = path.split_once('/').unwrap_or_default();
            project.path = format!("{theirs}/{rest}");
            project.id = id;
            project.disk = disk(id);
        }
    }
    for (mine, other) in own_users.zip(world.tenants[TWIN as usize].users.clone()).take(3) {
        let (username, id, ip) = {
            let known = &world.users[mine as usize];
            (known.username.clone(), known.id, known.ip.clone())
        };
        let user = &mut world.users[other as usize];
        user.username = format!("{username}7");
        user.id = id * 10 + 7;
        if ip.ends_with(".7") {
            user.ip = format!("{ip}1");
        }
    }
    world.tenants[TWIN as usize].root = theirs;
    world.tenants[TWIN as usize].id = world.tenants[OURS as usize].id * 10 + 1;
}

/// Two people of one display name: own and foreign, both foreign, both own.
fn namesakes(world: &mut World) {
    for (one, other) in [((OURS, 1), (2, 0)), ((2, 1), (3, 0)), ((OURS, 4), (OURS, 5))] {
        let at = |(tenant, user): (u32, u32)| (world.tenants[tenant as usize].users.start + user) as usize;
        let (one, other) = (at(one), at(other));
        let display = world.users[one].display.clone();
        world.users[other].display = display;
    }
}

fn disk(id: u64) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(id.to_string().as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    format!("@hashed/{}/{}/{hex}", &hex[..2], &hex[2..4])
}

fn title(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twin_begins_as_the_customer_does() {
        let world = World::new(5, 8, 1);
        let (ours, twin) = (world.tenant(OURS), world.tenant(TWIN));
        assert!(twin.root.starts_with(&ours.root) && twin.root != ours.root);
        let (mine, other) = (world.user(ours.users.start), world.user(twin.users.start));
        assert!(other.username.starts_with(&mine.username));
        assert!(other.id.to_string().starts_with(&mine.id.to_string()));
        assert!(other.ip.starts_with(&mine.ip));
    }

    #[test]
    fn identities_are_unique_but_for_namesakes() {
        for seed in 0..20 {
            let world = World::new(seed, 40, 1);
            for mark in [
                Mark::Root,
                Mark::Project,
                Mark::ProjectId,
                Mark::GroupId,
                Mark::UserName,
                Mark::UserId,
                Mark::Ip,
            ] {
                let all: HashSet<_> = (0..world.count(mark) as u32)
                    .map(|n| world.value(mark, n))
                    .collect();
                assert_eq!(all.len(), world.count(mark), "{mark:?} of seed {seed}");
            }
        }
    }

    #[test]
    fn the_customer_owns_as_many_roots_as_asked() {
        for count in [1, 3, 10, 50] {
            let world = World::new(3, 8, count);
            let roots = world.own_roots();
            assert_eq!(roots.len(), count as usize);
            assert_eq!(roots[0], world.tenant(OURS).root);
            let elsewhere = world.projects.iter().filter(|project| project.tenant != OURS);
            for project in elsewhere {
                assert!(!roots.contains(&project.root()));
            }
        }
    }

    #[test]
    fn hashed_paths_are_those_of_gitlab() {
        assert!(disk(1).starts_with("@hashed/6b/86/6b86b273ff34fce1"));
    }
}
