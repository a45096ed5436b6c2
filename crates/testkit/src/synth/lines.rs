//! What the members of all lines have in common; the logs themselves are in [`rails`], [`services`] and [`access`].

mod access;
mod rails;
mod services;

use super::clock;
use super::pen::{Pen, integer};
use super::rng::Rng;
use super::source::Source;
use super::truth::Why;
use super::visit::{FILES, Family, Needs, Part, Rules, Visit};
use super::world::{Mark, OURS, World};

/// What a line is written from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Desk<'a> {
    pub(crate) world: &'a World,
    pub(crate) rules: &'a Rules,
    pub(crate) visit: &'a Visit,
    pub(crate) hostile: bool,
    pub(crate) source: Source,
    /// The instant of the line.
    pub(crate) ms: i64,
}

/// How many lines a source writes about a visit.
pub(crate) fn count(visit: &Visit, source: Source) -> u32 {
    lines_of(visit.action, visit.seed, source)
}

/// As [`count`], from what is known before a visit is worked out.
pub(crate) fn lines_of(action: &super::visit::Action, seed: u64, source: Source) -> u32 {
    let draw = |per_mille: u64| seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40 & 1023 < per_mille;
    let yes = match source {
        Source::Production => action.family != Family::Api,
        Source::Api => action.family == Family::Api,
        Source::Graphql => action.family == Family::Graphql,
        Source::Audit => {
            !action.audit.is_empty() && (action.audit != "repository_git_operation" || draw(200))
        }
        Source::Sidekiq => return if action.worker.is_empty() { 0 } else { 2 },
        Source::Gitaly => {
            return match action.rpc {
                "" => 0,
                _ if draw(400) => 2,
                _ => 1,
            };
        }
        Source::Workhorse | Source::NginxAccess | Source::Haproxy => !action.path.contains("/internal/"),
    };
    u32::from(yes)
}

impl Desk<'_> {
    /// Writes the line into the pen, which must be clear.
    pub(crate) fn write(&self, pen: &mut Pen, nth: u32) {
        let mut rng = self.visit.rng(self.source);
        for _ in 0..nth {
            rng.next();
        }
        pen.capital = self.visit.capital;
        pen.former = self.visit.former;
        match self.source {
            Source::Production => self.production(pen, &mut rng),
            Source::Api => self.api(pen, &mut rng),
            Source::Graphql => self.graphql(pen, &mut rng),
            Source::Audit => self.audit(pen, &mut rng),
            Source::Sidekiq => self.sidekiq(pen, &mut rng, nth),
            Source::Gitaly => self.gitaly(pen, &mut rng, nth),
            Source::Workhorse => self.workhorse(pen, &mut rng),
            Source::NginxAccess => self.nginx(pen, &mut rng),
            Source::Haproxy => self.haproxy(pen, &mut rng),
        }
    }

    fn ours(&self) -> bool {
        self.visit.tenant == OURS
    }

    /// `…Z`, or whatever the source writes.
    fn time(&self, pen: &mut Pen, key: &str, ms: i64) {
        pen.key(key);
        pen.line.push(b'"');
        if self.source == Source::Workhorse {
            clock::seconds(&mut pen.line, ms, b'T');
        } else {
            clock::millis(&mut pen.line, ms);
        }
        pen.lit("Z\",");
    }

    fn correlation(&self, pen: &mut Pen) {
        pen.bytes("correlation_id", &self.visit.correlation);
    }

    fn caller(&self, pen: &mut Pen) {
        let action = self.visit.action;
        if action.family == Family::Api {
            pen.lit(action.method);
            pen.line.push(b' ');
            pen.lit(action.controller);
        } else {
            pen.lit(action.controller);
            pen.line.push(b'#');
            pen.lit(action.action);
        }
    }

    /// The context that Rails and its jobs carry.
    fn meta(&self, pen: &mut Pen, rng: &mut Rng) {
        let (world, visit) = (self.world, self.visit);
        let nested = self.hostile && rng.often(60);
        let key = |short: &'static str, long: &'static str| if nested { short } else { long };
        if nested {
            pen.lit("\"meta\":{");
        }
        pen.key(key("caller_id", "meta.caller_id"));
        pen.line.push(b'"');
        self.caller(pen);
        pen.lit("\",");
        pen.ip(key("remote_ip", "meta.remote_ip"), world, visit.from);
        pen.s(
            key("feature_category", "meta.feature_category"),
            visit.action.feature,
        );
        if let Some(user) = visit.user {
            pen.user(key("user", "meta.user"), world, user);
            pen.user_id(key("user_id", "meta.user_id"), world, user);
        }
        // A path that names the project may stand alone; what names it nowhere else must say it here.
        let told = ["{p}", "{e}", "{i}"]
            .iter()
            .any(|slot| visit.action.path.contains(slot));
        let silent =
            told && self.hostile && rng.often(60) && matches!(self.source, Source::Production | Source::Api);
        if !silent && visit.action.needs != Needs::Nothing {
            if visit.action.needs == Needs::Project {
                pen.project(
                    key("project", "meta.project"),
                    world,
                    visit.project,
                    "",
                    Why::Typed,
                );
            }
            pen.key(key("root_namespace", "meta.root_namespace"));
            pen.line.push(b'"');
            pen.root(world, visit.project, Why::Typed);
            pen.lit("\",");
        }
        if let Some(user) = visit.user {
            pen.user_ref(key("client_id", "meta.client_id"), "user/", world, user);
        } else {
            pen.key(key("client_id", "meta.client_id"));
            pen.lit("\"ip/");
            pen.lit(&world.user(visit.from).ip);
            pen.lit("\",");
            pen.mark(Mark::Ip, visit.from);
        }
        if nested {
            pen.close();
            pen.line.push(b',');
        }
    }

    /// The path of the request, between the quotes of a member.
    fn path(&self, pen: &mut Pen) {
        let (world, visit) = (self.world, self.visit);
        let mut rest = visit.action.path;
        while let Some((text, after)) = rest.split_once('{') {
            pen.lit(text);
            let (slot, after) = after.split_once('}').unwrap_or((after, ""));
            rest = after;
            match slot {
                "p" => pen.project_path(world, visit.project, Why::Url),
                "g" => pen.group_path(world, visit.project, Why::Url),
                "e" => {
                    let at = pen.line.len();
                    pen.project_path(world, visit.project, Why::Url);
                    percent(&mut pen.line, at);
                }
                "i" => pen.project_id(world, visit.project, Why::Id),
                "G" => {
                    integer(&mut pen.line, world.tenant(visit.tenant).id);
                    pen.mark(Mark::GroupId, visit.tenant);
                    if self.ours() {
                        pen.because(Why::Id);
                    }
                }
                "n" => integer(&mut pen.line, visit.number),
                _ => pen.lit(FILES.get(visit.file as usize).copied().unwrap_or_default()),
            }
        }
        pen.lit(rest);
    }

    fn agent(&self, pen: &mut Pen, key: &str, rng: &mut Rng) {
        let text = self.agent_text(pen, rng);
        pen.text(key, &text);
    }

    /// As the client sends it.
    fn agent_text(&self, pen: &mut Pen, rng: &mut Rng) -> String {
        if self.hostile && rng.often(15) {
            let (guest, name) = pen.guest_name(self.world, rng);
            pen.mark(Mark::Email, guest);
            return format!("sync/1.4 (run by {name}; <{}>)", self.world.user(guest).email);
        }
        let own = self.world.user(self.visit.from).agent;
        let git = matches!(
            self.visit.action.action,
            "info_refs" | "git_upload_pack" | "git_receive_pack"
        );
        let text = if git {
            GIT[own % GIT.len()]
        } else {
            AGENTS[own % AGENTS.len()]
        };
        text.to_owned()
    }

    /// Members that hide something: each tenth line has one.
    fn oddities(&self, pen: &mut Pen, rng: &mut Rng) {
        if !self.hostile {
            return;
        }
        match rng.below(100) {
            0..6 => {
                let value = pen.unknown(rng);
                let name = format!("x_{}", rng.string(b"abcdefghijkmnpqrstuvwxyz", 4));
                pen.s(&name, &value);
            }
            6..9 => pen.system("unmatched_host", Mark::Host, &self.world.system.hosts, rng),
            _ => {}
        }
    }

    /// Whether the day's account needs a person to be the target: foreign often, else a colleague.
    fn target(&self, rng: &mut Rng) -> u32 {
        if self.visit.part != Part::Ordinary {
            return self.visit.user.unwrap_or(self.visit.from);
        }
        if rng.often(400) {
            return *rng.pick(&self.world.guests);
        }
        let users = &self.world.tenant(self.visit.tenant).users;
        users.start + rng.below(u64::from(users.end - users.start)) as u32
    }
}

/// Percent-encodes the slashes of what has been written from a place on.
fn percent(line: &mut Vec<u8>, from: usize) {
    let tail = line.split_off(from);
    for byte in tail {
        if byte == b'/' {
            line.extend_from_slice(b"%2F");
        } else {
            line.push(byte);
        }
    }
}

static GIT: &[&str] = &[
    "git/2.47.1",
    "git/2.39.5 (Apple Git-154)",
    "git/2.34.1",
    "JGit/6.8.0",
    "go-git/5.12",
    "git-lfs/3.5.1 (GitHub; linux amd64; go 1.22.1)",
];

static AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
    "curl/8.9.1",
    "python-requests/2.32.3",
    "GitLab-Runner 18.4.0 (18-4-stable; go1.24; linux/amd64)",
    "Terraform/1.9.5",
];
