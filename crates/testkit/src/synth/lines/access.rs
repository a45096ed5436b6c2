//! Access logs: the same requests as the proxy's, each in a line that is no JSON.

use super::Desk;
use crate::synth::clock;
use crate::synth::pen::{Pen, integer, padded};
use crate::synth::rng::Rng;
use crate::synth::source::Source;
use crate::synth::world::{Mark, OURS};

/// What the proxy's line about a request says as well: drawn from the proxy's numbers, so that the two agree.
struct Seen {
    referrer: Vec<u8>,
    query: Vec<u8>,
    agent: String,
}

impl Desk<'_> {
    pub(super) fn nginx(&self, pen: &mut Pen, rng: &mut Rng) {
        let (world, visit) = (self.world, self.visit);
        pen.lit(&world.user(visit.from).ip);
        pen.mark(Mark::Ip, visit.from);
        pen.lit(" - ");
        // Git over HTTP sends a name; browsers do not.
        match visit.user.filter(|_| visit.action.path.contains(".git/")) {
            Some(user) => {
                pen.lit(&world.user(user).username);
                pen.mark(Mark::UserName, user);
                pen.own_user |= world.user(user).tenant == OURS;
            }
            None => pen.lit("-"),
        }
        pen.lit(" [");
        clock::access(&mut pen.line, self.ms);
        pen.lit(" +0000] \"");
        let seen = self.seen(pen);
        self.request(pen, &seen);
        pen.lit("\" ");
        integer(&mut pen.line, visit.status);
        pen.line.push(b' ');
        integer(&mut pen.line, rng.below(90_000));
        pen.lit(" \"");
        if seen.referrer.is_empty() {
            pen.lit("-");
        } else {
            pen.line.extend_from_slice(&seen.referrer);
        }
        pen.lit("\" \"");
        hex_escape(&mut pen.line, seen.agent.as_bytes());
        if self.hostile && rng.often(15) {
            // What would be a request for the customer's project, if a client could end the quotes.
            let forged = format!(
                "\" 200 1 \"-\" \"x\" -\\\" \"GET /{}/app HTTP/1.1",
                world.tenant(OURS).root
            );
            hex_escape(&mut pen.line, forged.as_bytes());
        }
        pen.lit("\" ");
        if rng.often(300) {
            integer(&mut pen.line, 1 + rng.below(9));
            pen.line.push(b'.');
            padded(&mut pen.line, rng.below(100), 2);
        } else {
            pen.lit("-");
        }
    }

    pub(super) fn haproxy(&self, pen: &mut Pen, rng: &mut Rng) {
        let (world, visit) = (self.world, self.visit);
        let hosts = &world.system.hosts;
        let host = rng.below(hosts.len() as u64) as usize;
        clock::syslog(&mut pen.line, self.ms);
        pen.line.push(b' ');
        pen.lit(hosts.get(host).map_or("lb-1", String::as_str));
        pen.mark(Mark::Host, host as u32);
        pen.lit(" haproxy[");
        integer(&mut pen.line, 200 + rng.below(9000));
        pen.lit("]: ");
        pen.lit(&world.user(visit.from).ip);
        pen.mark(Mark::Ip, visit.from);
        pen.line.push(b':');
        integer(&mut pen.line, 10_000 + rng.below(50_000));
        pen.lit(" [");
        clock::access(&mut pen.line, self.ms);
        pen.line.push(b'.');
        padded(&mut pen.line, self.ms.rem_euclid(1000).unsigned_abs(), 3);
        pen.lit("] https~ web/web-");
        integer(&mut pen.line, 1 + rng.below(40));
        for (nth, most) in [20, 3, 9, 2000, 2100].into_iter().enumerate() {
            pen.line.push(if nth == 0 { b' ' } else { b'/' });
            integer(&mut pen.line, rng.below(most));
        }
        pen.line.push(b' ');
        integer(&mut pen.line, visit.status);
        pen.line.push(b' ');
        integer(&mut pen.line, rng.below(90_000));
        pen.lit(" - - ---- 82/43/39/39/0 0/0 \"");
        let seen = self.seen(pen);
        self.request(pen, &seen);
        pen.line.push(b'"');
    }

    /// `GET /path?query HTTP/1.1`.
    fn request(&self, pen: &mut Pen, seen: &Seen) {
        pen.lit(self.visit.action.method);
        pen.line.push(b' ');
        self.path(pen);
        pen.line.extend_from_slice(&seen.query);
        pen.lit(" HTTP/1.1");
    }

    fn seen(&self, pen: &mut Pen) -> Seen {
        let mut rng = self.visit.rng(Source::Workhorse);
        // In the order of the proxy's members.
        rng.next();
        let named = (pen.marks.len(), pen.why);
        let at = pen.line.len();
        self.referrer(pen, &mut rng);
        let referrer = pen.line.split_off(at);
        if self.source == Source::Haproxy {
            // The load balancer does not write it.
            pen.marks.truncate(named.0);
            pen.why = named.1;
        }
        rng.next();
        let query = self.query(pen, &mut rng, "&");
        let named = pen.marks.len();
        let agent = self.agent_text(pen, &mut rng);
        if self.source == Source::Haproxy {
            pen.marks.truncate(named);
        }
        Seen {
            referrer,
            query: query.into_bytes(),
            agent,
        }
    }
}

/// As the web server writes what clients choose: quotes, backslashes, control characters and all beyond
/// ASCII by their number.
fn hex_escape(to: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        if (0x20..0x7f).contains(&byte) && !matches!(byte, b'"' | b'\\') {
            to.push(byte);
        } else {
            to.extend_from_slice(format!("\\x{byte:02X}").as_bytes());
        }
    }
}
