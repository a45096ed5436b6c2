//! Rails: requests, the API, GraphQL and audit events.

use super::Desk;
use crate::synth::clock;
use crate::synth::metrics;
use crate::synth::pen::{Pen, escape, integer};
use crate::synth::plant::disguise;
use crate::synth::rng::Rng;
use crate::synth::truth::Why;
use crate::synth::visit::{Action, Family, Needs, OPERATIONS, Part};
use crate::synth::world::{Mark, OURS};

/// Opens an element of `params`; [`param_end`] closes it.
fn param(pen: &mut Pen, key: &str) {
    pen.lit(r#"{"key":""#);
    pen.lit(key);
    pen.lit(r#"","value":"#);
}

fn param_text(pen: &mut Pen, key: &str, value: &str) {
    param(pen, key);
    pen.line.push(b'"');
    escape(&mut pen.line, value.as_bytes());
    pen.lit("\"},");
}

impl Desk<'_> {
    pub(super) fn production(&self, pen: &mut Pen, rng: &mut Rng) {
        let (world, visit) = (self.world, self.visit);
        let action = visit.action;
        pen.open();
        pen.s("method", action.method);
        pen.key("path");
        pen.line.push(b'"');
        self.path(pen);
        if self.hostile && rng.often(30) {
            let secret = pen.secret(rng);
            pen.lit("?private_token=");
            escape(&mut pen.line, secret.as_bytes());
        }
        pen.lit("\",");
        pen.s(
            "format",
            if action.family == Family::Graphql {
                "*/*"
            } else {
                "html"
            },
        );
        pen.s("controller", action.controller);
        pen.s("action", action.action);
        pen.n("status", visit.status);
        self.time(pen, "time", self.ms);
        self.web_params(pen, rng);
        self.correlation(pen);
        self.meta(pen, rng);
        if action.family == Family::Graphql {
            pen.lit(r#""graphql":[{"depth":"#);
            integer(&mut pen.line, 2 + rng.below(8));
            pen.lit(r#","complexity":"#);
            integer(&mut pen.line, 10 + rng.below(200));
            pen.lit(r#","used_fields":[],"used_deprecated_fields":[],"variables":"{}","operation_name":""#);
            pen.lit(operation(visit.number));
            pen.lit("\"}],");
        }
        pen.ip("remote_ip", world, visit.from);
        if let Some(user) = visit.user {
            pen.user_id("user_id", world, user);
            pen.user("username", world, user);
        }
        self.agent(pen, "ua", rng);
        if self.hostile && rng.often(300) {
            pen.system("fqdn", Mark::Host, &world.system.hosts, rng);
            pen.system("hostname", Mark::Internal, &world.system.internal, rng);
        }
        self.exception(pen, rng);
        self.oddities(pen, rng);
        rng.pick(&*metrics::RAILS).write(rng, &mut pen.line);
        pen.close();
    }

    fn web_params(&self, pen: &mut Pen, rng: &mut Rng) {
        let (world, visit) = (self.world, self.visit);
        pen.lit("\"params\":[");
        let known = world.project(visit.project);
        match (visit.action.family, visit.action.needs) {
            (Family::Graphql, _) => {
                param_text(pen, "operationName", operation(visit.number));
                param_text(pen, "variables", "[FILTERED]");
            }
            (_, Needs::Project) if visit.action.controller == "JwtController" => {
                self.registry_scope(pen, rng);
            }
            (_, Needs::Project) => {
                if !visit.capital && !visit.former {
                    param_text(pen, "namespace_id", known.group());
                    param_text(pen, "project_id", known.name());
                }
                if visit.action.path.contains("{n}") {
                    param_text(pen, "id", &visit.number.to_string());
                }
            }
            (_, Needs::Group) => {
                if !visit.capital && !visit.former {
                    param_text(pen, "group_id", known.group());
                }
            }
            (_, Needs::Nothing) => param_text(pen, "authenticity_token", "[FILTERED]"),
        }
        if self.hostile {
            self.strange_param(pen, rng);
        }
        if pen.line.last() == Some(&b',') {
            pen.line.pop();
        }
        pen.lit("],");
    }

    fn registry_scope(&self, pen: &mut Pen, rng: &mut Rng) {
        let visit = self.visit;
        param_text(pen, "account", "gitlab-ci-token");
        // Now and then the token asks for the repository of somebody else.
        let other = 1 + rng.below(self.world.tenants.len() as u64 - 1) as u32;
        let project = if rng.often(300) {
            self.world.tenant(other).projects.start
        } else {
            visit.project
        };
        if project != visit.project || !(visit.capital || visit.former) {
            param_text(
                pen,
                "scope",
                &format!("repository:{}:pull", self.world.project(project).path),
            );
            pen.mark(Mark::Project, project);
        }
        param_text(pen, "service", "container_registry");
    }

    /// Parameters with somebody else's identity or a secret.
    fn strange_param(&self, pen: &mut Pen, rng: &mut Rng) {
        let world = self.world;
        match rng.below(100) {
            0..4 => {
                let secret = pen.secret(rng);
                param_text(pen, "note", &format!("see {} please", disguise(&secret, rng)));
            }
            4..8 => {
                let text = pen.gossip(world, rng);
                param_text(pen, "note", &text);
            }
            8..11 => {
                let secret = pen.secret(rng);
                param_text(pen, "private_token", &secret);
            }
            11..13 => {
                let (_, name) = pen.guest_name(world, rng);
                param(pen, &name);
                pen.lit("4111111111111111},");
            }
            13..16 => {
                let guest = *rng.pick(&world.guests);
                param(pen, "user_id");
                integer(&mut pen.line, world.user(guest).id);
                pen.lit("},");
                pen.mark(Mark::UserId, guest);
            }
            16..19 => {
                let guest = *rng.pick(&world.guests);
                let user = world.user(guest);
                param(pen, "user");
                let text = format!(
                    r#"{{"username":"{}","email":"{}","name":"{}","password":"[FILTERED]"}}}},"#,
                    user.username, user.email, user.display
                );
                pen.lit(&text);
                for mark in [Mark::UserName, Mark::Email, Mark::Display] {
                    pen.mark(mark, guest);
                }
            }
            19..21 => {
                // Somebody else's project, in an encoding.
                let tenant = 1 + rng.below(world.tenants.len() as u64 - 1) as u32;
                let path = &world.project(world.tenant(tenant).projects.start).path;
                param_text(pen, "ref", &disguise(path, rng));
            }
            _ => {}
        }
    }

    fn exception(&self, pen: &mut Pen, rng: &mut Rng) {
        if self.visit.status != 500 && !(self.hostile && rng.often(15)) {
            return;
        }
        pen.s(
            "exception.class",
            rng.pick::<&str>(&[
                "NoMethodError",
                "ActiveRecord::QueryCanceled",
                "Gitlab::Git::CommandError",
            ]),
        );
        let text = if self.hostile {
            let secret = pen.secret(rng);
            let gossip = pen.gossip(self.world, rng);
            format!("{gossip}: {}", disguise(&secret, rng))
        } else {
            "execution expired".to_owned()
        };
        pen.text("exception.message", &text);
        pen.lit("\"exception.backtrace\":[");
        for _ in 0..3 {
            let index = rng.below(self.world.system.frames.len() as u64) as u32;
            pen.line.push(b'"');
            escape(&mut pen.line, self.world.value(Mark::Frame, index).as_bytes());
            pen.lit("\",");
            pen.mark(Mark::Frame, index);
        }
        pen.line.pop();
        pen.lit("],");
        pen.system("exception.sql", Mark::Sql, &self.world.system.sql, rng);
    }

    pub(super) fn api(&self, pen: &mut Pen, rng: &mut Rng) {
        let (world, visit) = (self.world, self.visit);
        let action = visit.action;
        pen.open();
        self.time(pen, "time", self.ms);
        pen.s("severity", "INFO");
        pen.n("status", visit.status);
        pen.s("method", action.method);
        pen.key("path");
        pen.line.push(b'"');
        self.path(pen);
        pen.lit("\",\"params\":[");
        self.api_params(pen, rng);
        if pen.line.last() == Some(&b',') {
            pen.line.pop();
        }
        pen.lit("],");
        pen.s("host", "gitlab.com");
        pen.key("remote_ip");
        pen.line.push(b'"');
        pen.lit(&world.user(visit.from).ip);
        pen.mark(Mark::Ip, visit.from);
        if rng.often(400) {
            let index = rng.below(world.system.internal.len() as u64) as u32;
            pen.lit(", ");
            pen.lit(&world.value(Mark::Internal, index));
            pen.mark(Mark::Internal, index);
        }
        pen.lit("\",");
        self.agent(pen, "ua", rng);
        pen.s("route", action.controller);
        if let Some(user) = visit.user {
            pen.user_id("user_id", world, user);
            pen.user("username", world, user);
            if rng.often(500) {
                pen.s("token_type", "PersonalAccessToken");
                pen.n("token_id", 100_000 + world.user(user).id % 7919);
            }
        }
        self.exception(pen, rng);
        self.oddities(pen, rng);
        self.correlation(pen);
        self.meta(pen, rng);
        rng.pick(&*metrics::RAILS).write(rng, &mut pen.line);
        pen.close();
    }

    fn api_params(&self, pen: &mut Pen, rng: &mut Rng) {
        let (world, visit) = (self.world, self.visit);
        let known = world.project(visit.project);
        if visit.action.path.contains("/internal/") {
            param_text(pen, "action", "git-upload-pack");
            param_text(pen, "gl_repository", &format!("project-{}", known.id));
            pen.mark(Mark::ProjectId, visit.project);
            param_text(pen, "key_id", &(visit.number * 31).to_string());
            param_text(pen, "protocol", "ssh");
        } else if visit.action.path.contains("{e}") && !visit.capital && !visit.former {
            param_text(pen, "id", &known.path.replace('/', "%2F"));
        } else if visit.action.path.contains("{i}") {
            param_text(pen, "id", &known.id.to_string());
            pen.mark(Mark::ProjectId, visit.project);
        }
        if visit.action.audit == "member_created" {
            let target = self.target(rng);
            param_text(pen, "user_id", &world.user(target).id.to_string());
            pen.mark(Mark::UserId, target);
            param_text(pen, "access_level", "30");
        }
        if self.hostile {
            self.strange_param(pen, rng);
        }
    }

    pub(super) fn graphql(&self, pen: &mut Pen, rng: &mut Rng) {
        let visit = self.visit;
        pen.open();
        pen.s("severity", "INFO");
        self.time(pen, "time", self.ms);
        self.correlation(pen);
        self.meta(pen, rng);
        pen.n("complexity", 10 + rng.below(200));
        pen.n("depth", 2 + rng.below(8));
        pen.text(
            "query_string",
            &format!("query {}($fullPath: ID!) {{ project(fullPath: $fullPath) {{ id name issues {{ nodes {{ iid title }} }} }} }}", operation(visit.number)),
        );
        let path = if visit.capital || visit.former {
            ""
        } else {
            &self.world.project(visit.project).path
        };
        let variables = if self.hostile && rng.often(40) {
            let secret = pen.secret(rng);
            format!(r#"{{"fullPath":"{path}","search":"{}"}}"#, disguise(&secret, rng))
        } else if self.hostile && rng.often(60) {
            let guest = *rng.pick(&self.world.guests);
            pen.mark(Mark::UserId, guest);
            format!(
                r#"{{"fullPath":"{path}","authorId":"gid://gitlab/User/{}"}}"#,
                self.world.user(guest).id
            )
        } else {
            format!(r#"{{"fullPath":"{path}","first":20}}"#)
        };
        pen.text("variables", &variables);
        pen.s("operation_name", operation(visit.number));
        pen.lit(r#""used_fields":["Project.id","Project.name","Issue.iid"],"used_deprecated_fields":[],"used_deprecated_arguments":[],"duration_s":0."#);
        integer(&mut pen.line, 10_000 + rng.below(80_000));
        pen.line.push(b',');
        self.oddities(pen, rng);
        pen.close();
    }

    pub(super) fn audit(&self, pen: &mut Pen, rng: &mut Rng) {
        let (world, visit) = (self.world, self.visit);
        let action = visit.action;
        let author = visit.user.unwrap_or(visit.from);
        pen.open();
        pen.s("severity", "INFO");
        self.time(pen, "time", self.ms);
        self.correlation(pen);
        self.meta(pen, rng);
        pen.n("id", 40_000_000 + (self.ms / 1000 % 10_000_000).unsigned_abs());
        pen.user_id("author_id", world, author);
        pen.display("author_name", world, author);
        self.entity(pen, rng, action, author);
        let target = self.target(rng);
        let at_user = matches!(
            action.audit,
            "member_updated" | "member_created" | "member_destroyed"
        );
        let event = match visit.part {
            Part::Impersonation(_) => "user_impersonation",
            Part::Guest => "member_created",
            Part::Ordinary => action.audit,
        };
        let message = self.message(pen, rng, event, author, target);
        let start = pen.line.len();
        if event == "repository_git_operation" {
            pen.lit(r#""custom_message":{"protocol":"http","action":"git-upload-pack"},"#);
        } else {
            pen.text("custom_message", &message);
        }
        pen.s("event_name", event);
        let victim = self.victim();
        if at_user || visit.part != Part::Ordinary {
            let target = victim.unwrap_or(target);
            pen.user_id("target_id", world, target);
            pen.s("target_type", "User");
            pen.display("target_details", world, target);
            if event == "member_updated" {
                pen.lit(r#""change":"access_level","from":"Developer","to":"Maintainer","expiry_from":null,"expiry_to":null,"#);
            }
        } else if action.needs == Needs::Project {
            pen.lit("\"target_id\":");
            pen.project_id(world, visit.project, Why::Typed);
            pen.line.push(b',');
            pen.s("target_type", "Project");
            pen.project("target_details", world, visit.project, "", Why::Typed);
            if event == "project_visibility_level_updated" {
                pen.lit(r#""change":"visibility","from":"Private","to":"Public","#);
            }
        } else {
            pen.user_id("target_id", world, author);
            pen.s("target_type", "User");
            pen.display("target_details", world, author);
        }
        if let Some(staff) = visit.staff {
            pen.display("impersonated_by", world, staff);
        }
        self.details(pen, start, author);
        pen.ip("ip_address", world, visit.from);
        pen.s("author_class", "User");
        pen.key("created_at");
        pen.line.push(b'"');
        clock::millis(&mut pen.line, self.ms - 7);
        pen.lit("+00:00\",");
        self.oddities(pen, rng);
        pen.close();
    }

    /// Whom staff act as, in the line that says so.
    fn victim(&self) -> Option<u32> {
        let start = self.world.tenant(OURS).users.start;
        matches!(self.visit.part, Part::Impersonation(_)).then(|| start + self.visit.number as u32)
    }

    fn entity(&self, pen: &mut Pen, rng: &mut Rng, action: &Action, author: u32) {
        let (world, visit) = (self.world, self.visit);
        let group = action.needs == Needs::Group || matches!(visit.part, Part::Impersonation(_));
        if action.needs == Needs::Nothing {
            pen.user_id("entity_id", world, author);
            pen.s("entity_type", "User");
            pen.user("entity_path", world, author);
        } else if group {
            pen.lit("\"entity_id\":");
            integer(&mut pen.line, world.tenant(visit.tenant).id);
            pen.line.push(b',');
            pen.mark(Mark::GroupId, visit.tenant);
            if self.ours() {
                pen.because(Why::Typed);
            }
            pen.s("entity_type", "Group");
            pen.key("entity_path");
            pen.line.push(b'"');
            pen.root(world, visit.project, Why::Typed);
            pen.lit("\",");
        } else {
            pen.lit("\"entity_id\":");
            pen.project_id(world, visit.project, Why::Typed);
            pen.line.push(b',');
            pen.s("entity_type", "Project");
            // Older lines name the project by its id alone.
            if !rng.often(80) {
                pen.project("entity_path", world, visit.project, "", Why::Typed);
            }
        }
    }

    fn message(&self, pen: &mut Pen, rng: &mut Rng, event: &str, author: u32, target: u32) -> String {
        let world = self.world;
        match self.visit.part {
            Part::Impersonation(true) => return "Started Impersonation".to_owned(),
            Part::Impersonation(false) => return "Stopped Impersonation".to_owned(),
            _ => {}
        }
        if self.hostile && rng.often(120) {
            let (_, name) = pen.guest_name(world, rng);
            return format!("{event} for {name} by {}", world.user(author).username);
        }
        if self.hostile && rng.often(60) {
            let secret = pen.secret(rng);
            return format!("Created token {} with scopes read_api", disguise(&secret, rng));
        }
        match event {
            "member_created" => format!("Membership created for {}", world.user(target).display),
            "member_destroyed" => "Membership destroyed".to_owned(),
            "ci_variable_updated" => "Changed value of variable DEPLOY_ENV".to_owned(),
            _ => format!("{} by {}", event.replace('_', " "), world.user(author).username),
        }
    }

    /// GitLab writes every detail twice: below `details` and beside it.
    fn details(&self, pen: &mut Pen, start: usize, author: u32) {
        let again = pen.line.get(start..).unwrap_or_default().to_vec();
        pen.lit("\"details\":{");
        pen.line.extend_from_slice(&again);
        pen.display("author_name", self.world, author);
        pen.ip("ip_address", self.world, self.visit.from);
        pen.close();
        pen.line.push(b',');
    }
}

fn operation(number: u64) -> &'static str {
    OPERATIONS
        .get(number as usize % OPERATIONS.len())
        .copied()
        .unwrap_or_default()
}
