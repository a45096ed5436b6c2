//! What must not come out: secrets in the forms and encodings in which they end up in logs, and
//! people of other accounts in free text.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::pen::Pen;
use super::rng::{BASE36, HEX, Rng, TOKEN};
use super::world::{Mark, World};

const UPPER32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DIGITS: &[u8] = b"0123456789";

/// A credential, valid in form and made up.
pub(crate) fn secret(rng: &mut Rng) -> String {
    let body = |rng: &mut Rng, count| rng.string(TOKEN, count);
    match rng.below(20) {
        0..4 => format!("glpat-{}", body(rng, 20)),
        4..7 => routable("glpat-", Some("01"), rng),
        7 => routable("glpat-", None, rng),
        8 => routable("glrt-t1_", Some("01"), rng),
        9 => format!("glrt-{}", body(rng, 20)),
        10 => format!("glrtr-t3_{}", body(rng, 20)),
        11 => format!("gldt-{}", body(rng, 20)),
        12 => format!("glcbt-{}_{}", rng.string(HEX, 2), body(rng, 20)),
        13 => format!("glptt-{}", rng.string(HEX, 40)),
        14 => format!("glft-{}", body(rng, 20)),
        15 => format!("GR1348941{}", body(rng, 20)),
        16 => job_token(rng),
        17 => format!("AKIA{}", rng.string(UPPER32, 16)),
        18 => format!("ghp_{}", body(rng, 36)),
        _ => format!("gloas-{}", rng.string(HEX, 64)),
    }
}

/// A routable token: payload, its length and a checksum over everything before.
fn routable(prefix: &str, version: Option<&str>, rng: &mut Rng) -> String {
    let routing = format!("o:{}\nu:{}", rng.string(BASE36, 1), rng.string(BASE36, 4));
    let mut payload: Vec<u8> = (0..16).map(|_| rng.next() as u8).collect();
    payload.extend_from_slice(routing.as_bytes());
    payload.push(routing.len() as u8);
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let version = version.map(|v| format!("{v}.")).unwrap_or_default();
    let head = format!("{prefix}{payload}.{version}{}", base36(payload.len() as u64, 2));
    let sum = base36(u64::from(crc32(head.as_bytes())), 7);
    head + &sum
}

fn job_token(rng: &mut Rng) -> String {
    let head = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","typ":"JWT"}"#);
    let claims = format!(
        r#"{{"sub":"gid://gitlab/Ci::Build/{}","iss":"platform"}}"#,
        rng.string(DIGITS, 9)
    );
    format!(
        "glcbt-{head}.{}.{}",
        URL_SAFE_NO_PAD.encode(claims),
        rng.string(TOKEN, 86)
    )
}

fn base36(mut value: u64, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for slot in digits.iter_mut().rev() {
        *slot = BASE36[(value % 36) as usize];
        value /= 36;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A text as it is, or in one of the encodings in which it survives a careless search.
pub(crate) fn disguise(text: &str, rng: &mut Rng) -> String {
    let each = |to: &dyn Fn(u8) -> String| text.bytes().map(to).collect::<String>();
    match rng.below(10) {
        0 => each(&|b| format!("%{b:02X}")),
        1 => each(&|b| format!("%25{b:02x}")),
        2 => STANDARD.encode(text),
        3 => URL_SAFE_NO_PAD.encode(format!("ci:{text}")),
        4 => each(&|b| format!("{b:02x}")),
        5 => each(&|b| format!("&#{b};")),
        6 => format!(r#"{{"v":"{text}"}}"#),
        7 => each(&|b| format!("\\u{b:04x}")),
        _ => text.to_owned(),
    }
}

impl Pen {
    /// A fresh credential, entered into the account of this line.
    pub(crate) fn secret(&mut self, rng: &mut Rng) -> String {
        let secret = secret(rng);
        self.secrets.push(secret.clone());
        secret
    }

    /// A made-up value for a field that no profile knows.
    pub(crate) fn unknown(&mut self, rng: &mut Rng) -> String {
        let value = rng.string(b"abcdefghijkmnpqrstuvwxyz", 12);
        self.unknown.push(value.clone());
        value
    }

    /// A foreign guest's user name, to be written in plain.
    pub(crate) fn guest_name(&mut self, world: &World, rng: &mut Rng) -> (u32, String) {
        let guest = *rng.pick(&world.guests);
        self.mark(Mark::UserName, guest);
        (guest, world.user(guest).username.clone())
    }

    /// A sentence that names a foreign guest in full, and something of theirs in disguise.
    pub(crate) fn gossip(&mut self, world: &World, rng: &mut Rng) -> String {
        let (guest, name) = self.guest_name(world, rng);
        let user = world.user(guest);
        self.mark(Mark::Email, guest);
        let hidden = disguise(&user.email, rng);
        match rng.below(3) {
            0 => format!("ask @{name} <{}> about {hidden}", user.email),
            1 => {
                self.mark(Mark::Display, guest);
                format!(
                    "timeout for {} ({name}) <{}>: retry as {hidden}",
                    user.display, user.email
                )
            }
            _ => format!("see {hidden}, reported by {name} ({})", user.email),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routable_tokens_carry_a_valid_checksum() {
        let mut rng = Rng::new(1);
        for version in [Some("01"), None] {
            let token = routable("glpat-", version, &mut rng);
            let (head, sum) = token.split_at(token.len() - 7);
            assert_eq!(
                u64::from_str_radix(sum, 36).ok(),
                Some(u64::from(crc32(head.as_bytes())))
            );
        }
    }
}
