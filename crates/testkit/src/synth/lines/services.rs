//! Background jobs, Git storage and the proxy.

use super::Desk;
use crate::synth::clock;
use crate::synth::metrics;
use crate::synth::pen::{Pen, escape, integer};
use crate::synth::plant::disguise;
use crate::synth::rng::{HEX, Rng, mix};
use crate::synth::truth::Why;
use crate::synth::visit::Needs;
use crate::synth::world::{Mark, OURS};

impl Desk<'_> {
    pub(super) fn sidekiq(&self, pen: &mut Pen, rng: &mut Rng, nth: u32) {
        let (world, visit) = (self.world, self.visit);
        let class = visit.action.worker;
        let mut jid = Vec::with_capacity(24);
        Rng::new(mix(visit.seed, 0x71D)).chars(HEX, 24, &mut jid);
        let done = nth == 1;
        pen.open();
        pen.s("severity", "INFO");
        self.time(pen, "time", self.ms);
        pen.n("retry", 3);
        pen.s("queue", "default");
        pen.n("version", 0);
        pen.lit("\"store\":null,\"status_expiration\":1800,");
        pen.s("class", class);
        pen.lit("\"args\":[\"");
        integer(&mut pen.line, world.project(visit.project).id);
        pen.mark(Mark::ProjectId, visit.project);
        pen.lit("\",\"[FILTERED]\"");
        if self.hostile && rng.often(50) {
            let secret = pen.secret(rng);
            pen.lit(",\"");
            let hidden = disguise(&secret, rng);
            escape(&mut pen.line, hidden.as_bytes());
            pen.line.push(b'"');
        }
        pen.lit("],");
        pen.bytes("jid", &jid);
        self.time(pen, "created_at", self.ms - 40);
        self.correlation(pen);
        self.meta(pen, rng);
        pen.s("worker_data_consistency", "delayed");
        pen.lit(r#""size_limiter":"validated","#);
        self.time(pen, "enqueued_at", self.ms - 30);
        pen.n("job_size_bytes", rng.below(400));
        pen.n("pid", 1000 + rng.below(900));
        pen.lit("\"message\":\"");
        pen.lit(class);
        pen.lit(" JID-");
        pen.line.extend_from_slice(&jid);
        pen.lit(if done { ": done: 0." } else { ": start" });
        if done {
            integer(&mut pen.line, 1000 + rng.below(900_000));
            pen.lit(" sec");
        }
        pen.lit("\",");
        pen.s("job_status", if done { "done" } else { "start" });
        if self.hostile {
            pen.s("shard", "catchall");
            pen.system("fqdn", Mark::Host, &world.system.hosts, rng);
            if rng.often(40) {
                let text = pen.gossip(world, rng);
                pen.text("error_message", &text);
            }
        }
        self.oddities(pen, rng);
        pen.lit("\"queue_duration_s\":0.0");
        integer(&mut pen.line, 1000 + rng.below(90_000));
        pen.line.push(b',');
        if done {
            self.time(pen, "completed_at", self.ms);
            metrics::JOB.write(rng, &mut pen.line);
        }
        pen.close();
    }

    pub(super) fn gitaly(&self, pen: &mut Pen, rng: &mut Rng, nth: u32) {
        let (world, visit) = (self.world, self.visit);
        let (service, method) = match nth {
            0 => visit.action.rpc.split_once('/').unwrap_or_default(),
            _ => ("RepositoryService", "ObjectFormat"),
        };
        let known = world.project(visit.project);
        let wiki = rng.often(40);
        pen.open();
        metrics::COMMAND.write(rng, &mut pen.line);
        let stream = method.contains("Pack") || method.contains("Blobs") || method.contains("Diff");
        pen.s(
            "component",
            if stream {
                "gitaly.StreamServerInterceptor"
            } else {
                "gitaly.UnaryServerInterceptor"
            },
        );
        self.correlation(pen);
        pen.s(
            "grpc.code",
            if visit.status == 500 { "Unavailable" } else { "OK" },
        );
        pen.s("grpc.meta.auth_version", "v2");
        pen.s("grpc.meta.client_name", "gitlab-web");
        pen.s("grpc.meta.deadline_type", "regular");
        pen.s("grpc.meta.method_operation", "accessor");
        pen.s("grpc.meta.method_scope", "repository");
        pen.s(
            "grpc.meta.method_type",
            if stream { "server_stream" } else { "unary" },
        );
        pen.s("grpc.method", method);
        pen.key("grpc.request.deadline");
        pen.line.push(b'"');
        clock::millis(&mut pen.line, self.ms + 21_600_000);
        pen.lit("\",\"grpc.request.fullMethod\":\"/gitaly.");
        pen.lit(service);
        pen.line.push(b'/');
        pen.lit(method);
        pen.lit("\",");
        if self.hostile && rng.often(40) {
            pen.s("grpc.request.glProjectPath", "");
        } else {
            pen.project(
                "grpc.request.glProjectPath",
                world,
                visit.project,
                if wiki { ".wiki" } else { "" },
                Why::Typed,
            );
        }
        pen.lit(if wiki {
            "\"grpc.request.glRepository\":\"wiki-"
        } else {
            "\"grpc.request.glRepository\":\"project-"
        });
        pen.project_id(world, visit.project, Why::Id);
        pen.lit("\",");
        pen.n("grpc.request.payload_bytes", 90 + rng.below(200));
        pen.lit("\"grpc.request.repoPath\":\"");
        pen.lit(&known.disk);
        pen.lit(if wiki { ".wiki.git\"," } else { ".git\"," });
        pen.mark(Mark::Disk, visit.project);
        pen.system(
            "grpc.request.repoStorage",
            Mark::Storage,
            &world.system.storages,
            rng,
        );
        if self.hostile && rng.often(30) {
            // A fork's pool names the project that it was made from.
            let other = 1 + rng.below(world.tenants.len() as u64 - 1) as u32;
            let source = world.tenant(other).projects.start;
            pen.project(
                "grpc.request.pool.sourceProjectPath",
                world,
                source,
                "",
                Why::Typed,
            );
        }
        pen.n("grpc.response.payload_bytes", rng.below(9000));
        pen.lit("\"grpc.service\":\"gitaly.");
        pen.lit(service);
        pen.lit("\",\"grpc.start_time\":\"");
        clock::millis(&mut pen.line, self.ms - 20);
        pen.lit("\",\"grpc.time_ms\":");
        integer(&mut pen.line, rng.below(90));
        pen.line.push(b'.');
        integer(&mut pen.line, 100 + rng.below(900));
        pen.line.push(b',');
        pen.s("level", if visit.status == 500 { "error" } else { "info" });
        if visit.status == 500 && self.hostile {
            let secret = pen.secret(rng);
            pen.text(
                "error",
                &format!("fatal: unable to access 'https://ci:{secret}@gitlab.com/': exit status 128"),
            );
            let disk = (rng.below(world.system.disks.len() as u64)) as usize;
            if let Some(path) = world.system.disks.get(disk) {
                pen.text("args", path);
                pen.mark(Mark::Disk, (world.count(Mark::Project) + disk) as u32);
            }
        }
        pen.lit(if stream {
            "\"msg\":\"finished streaming call with code "
        } else {
            "\"msg\":\"finished unary call with code "
        });
        pen.lit(if visit.status == 500 {
            "Unavailable\","
        } else {
            "OK\","
        });
        if self.hostile {
            let index = rng.below(world.system.internal.len() as u64) as u32;
            pen.lit("\"peer.address\":\"");
            pen.lit(&world.value(Mark::Internal, index));
            pen.mark(Mark::Internal, index);
            pen.line.push(b':');
            integer(&mut pen.line, 10_000 + rng.below(50_000));
            pen.lit("\",");
        }
        pen.n("pid", 200 + rng.below(40_000));
        pen.ip("remote_ip", world, visit.from);
        pen.lit("\"span.kind\":\"server\",\"system\":\"grpc\",");
        self.time(pen, "time", self.ms);
        match visit.user {
            Some(user) => {
                pen.user_ref(
                    "user_id",
                    if visit.number.is_multiple_of(2) {
                        "user-"
                    } else {
                        ""
                    },
                    world,
                    user,
                );
                pen.user("username", world, user);
            }
            None => pen.lit("\"user_id\":\"\",\"username\":\"\","),
        }
        self.oddities(pen, rng);
        pen.close();
    }

    pub(super) fn workhorse(&self, pen: &mut Pen, rng: &mut Rng) {
        let (world, visit) = (self.world, self.visit);
        let ip = &world.user(visit.from).ip;
        pen.open();
        pen.s("backend_id", "rails");
        pen.s("content_type", "text/html; charset=utf-8");
        self.correlation(pen);
        pen.n("duration_ms", 4 + rng.below(1500));
        pen.s("host", "gitlab.com");
        pen.s("level", "info");
        pen.s("method", visit.action.method);
        pen.s("msg", "access");
        pen.s("proto", "HTTP/1.1");
        pen.lit("\"referrer\":\"");
        self.referrer(pen, rng);
        pen.lit("\",\"remote_addr\":\"");
        if ip.contains(':') {
            pen.line.push(b'[');
            pen.lit(ip);
            pen.line.push(b']');
        } else {
            pen.lit(ip);
        }
        pen.lit(":0\",");
        pen.ip("remote_ip", world, visit.from);
        pen.s("route", route(visit.action.path));
        pen.s(
            "route_id",
            if visit.action.path.contains(".git/") {
                "git_http"
            } else {
                "default"
            },
        );
        pen.n("status", visit.status);
        pen.s("system", "http");
        self.time(pen, "time", self.ms);
        pen.n("ttfb_ms", 2 + rng.below(900));
        pen.key("uri");
        pen.line.push(b'"');
        self.path(pen);
        // Go writes an ampersand as an escape.
        let query = self.query(pen, rng, "\\u0026");
        pen.lit(&query);
        pen.lit("\",");
        self.agent(pen, "user_agent", rng);
        self.oddities(pen, rng);
        pen.n("written_bytes", rng.below(90_000));
        pen.close();
    }

    /// What follows the path, if anything does.
    pub(super) fn query(&self, pen: &mut Pen, rng: &mut Rng, and: &str) -> String {
        if self.hostile && rng.often(30) {
            format!("?format=json{and}private_token={}", pen.secret(rng))
        } else if self.visit.action.path.contains("info/refs") {
            "?service=git-upload-pack".to_owned()
        } else {
            String::new()
        }
    }

    /// The page before: most often of the same project, now and then somebody else's.
    pub(super) fn referrer(&self, pen: &mut Pen, rng: &mut Rng) {
        let (world, visit) = (self.world, self.visit);
        if visit.action.path.contains(".git/") || rng.often(300) {
            return;
        }
        pen.lit("https://gitlab.com/");
        let elsewhere = self.hostile && rng.often(30);
        if elsewhere {
            let others = world.tenants.len() as u64 - 1;
            let mentioned = rng.share(self.rules.our_share);
            let tenant = if mentioned {
                OURS
            } else {
                1 + rng.below(others) as u32
            };
            let project = world.tenant(tenant).projects.start + 1;
            pen.project_path(world, project, Why::Referrer);
        } else if visit.action.needs != Needs::Nothing {
            pen.project_path(world, visit.project, Why::Referrer);
        }
        if rng.often(300) {
            pen.lit("/-/issues");
        }
    }
}

fn route(path: &str) -> &'static str {
    if path.starts_with("/api/") {
        r"^/api/"
    } else if path.contains(".git/") {
        r"^/.+\\.git/"
    } else {
        ""
    }
}
