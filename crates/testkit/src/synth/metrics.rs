//! Blocks of measurements: most of a request log's bytes. A template is text with holes that are
//! filled with plausible numbers.
//!
//! `{2}` is a number of up to two digits, `{s}` and `{S}` fractions of a second, `{2a}` keeps the
//! number under `a`, `{a}` writes it again, `{?key}` begins a member that is there half the time
//! and ends at the next `{.}`.

use std::sync::LazyLock;

use super::pen::{integer, padded};
use super::rng::Rng;

#[derive(Debug)]
enum Piece {
    Text(&'static [u8]),
    /// Up to this many digits, kept under this letter.
    Digits(u32, Option<u8>),
    Seconds(usize),
    Again(u8),
    /// Skips to the piece after the given one, half the time.
    Maybe(usize),
}

/// A compiled template.
#[derive(Debug)]
pub(crate) struct Block(Vec<Piece>);

impl Block {
    fn new(template: &'static str) -> Self {
        let mut pieces = Vec::new();
        let mut open = None;
        let mut rest = template;
        while let Some((text, after)) = rest.split_once('{') {
            if !text.is_empty() {
                pieces.push(Piece::Text(text.as_bytes()));
            }
            let (hole, after) = after.split_once('}').unwrap_or((after, ""));
            rest = after;
            match hole.as_bytes() {
                b"?" => {
                    open = Some(pieces.len());
                    pieces.push(Piece::Maybe(0));
                }
                b"." => {
                    let end = pieces.len();
                    if let Some(Piece::Maybe(to)) = open.take().and_then(|at| pieces.get_mut(at)) {
                        *to = end;
                    }
                }
                b"s" => pieces.push(Piece::Seconds(4)),
                b"S" => pieces.push(Piece::Seconds(3)),
                [digit @ b'1'..=b'9'] => pieces.push(Piece::Digits(u32::from(digit - b'0'), None)),
                [digit @ b'1'..=b'9', letter] => {
                    pieces.push(Piece::Digits(u32::from(digit - b'0'), Some(letter - b'a')));
                }
                [letter, ..] => pieces.push(Piece::Again(letter - b'a')),
                [] => {}
            }
        }
        pieces.push(Piece::Text(rest.as_bytes()));
        Self(pieces)
    }

    pub(crate) fn write(&self, rng: &mut Rng, to: &mut Vec<u8>) {
        let mut kept = [0_u64; 26];
        let mut at = 0;
        while let Some(piece) = self.0.get(at) {
            at += 1;
            match *piece {
                Piece::Text(text) => to.extend_from_slice(text),
                Piece::Digits(digits, letter) => {
                    // Measurements spread over orders of magnitude.
                    let draw = rng.next();
                    let bound = 10_u64.pow(1 + (draw >> 32) as u32 % digits);
                    let value = ((draw & 0xFFFF_FFFF) * bound) >> 32;
                    if let Some(slot) = letter.and_then(|l| kept.get_mut(usize::from(l))) {
                        *slot = value;
                    }
                    integer(to, value);
                }
                Piece::Seconds(width) => {
                    let draw = rng.next();
                    to.extend_from_slice(b"0.0");
                    let mask = if draw.is_multiple_of(4) { 0x3FF } else { 0x7F };
                    padded(to, (draw >> 20) & mask, width);
                }
                Piece::Again(letter) => {
                    integer(to, kept.get(usize::from(letter)).copied().unwrap_or_default());
                }
                Piece::Maybe(end) => {
                    if rng.next() & 1 == 0 {
                        at = end;
                    }
                }
            }
        }
    }
}

const DATABASE: &str = concat!(
    r#""db_count":{2d},"db_write_count":{1w},"db_cached_count":{1c},"db_txn_count":{1t},"db_replica_txn_count":0,"db_primary_txn_count":{t},"#,
    r#""db_main_txn_count":{t},"db_ci_txn_count":0,"db_main_replica_txn_count":0,"db_ci_replica_txn_count":0,"db_replica_count":0,"#,
    r#""db_primary_count":{d},"db_main_count":{d},"db_ci_count":0,"db_main_replica_count":0,"db_ci_replica_count":0,"#,
    r#""db_replica_cached_count":0,"db_primary_cached_count":{c},"db_main_cached_count":{c},"db_ci_cached_count":0,"#,
    r#""db_main_replica_cached_count":0,"db_ci_replica_cached_count":0,"db_replica_wal_count":0,"db_primary_wal_count":0,"#,
    r#""db_main_wal_count":0,"db_ci_wal_count":0,"db_main_replica_wal_count":0,"db_ci_replica_wal_count":0,"#,
    r#""db_replica_wal_cached_count":0,"db_primary_wal_cached_count":0,"db_main_wal_cached_count":0,"db_ci_wal_cached_count":0,"#,
    r#""db_replica_txn_duration_s":0.0,"db_primary_txn_duration_s":0.0,"db_main_txn_duration_s":0.0,"#,
    r#""db_replica_duration_s":0.0,"db_primary_duration_s":{s},"db_main_duration_s":0.0,"db_ci_duration_s":0.0,"#,
);

/// What a Rails request line ends with.
pub(crate) static RAILS: LazyLock<[Block; 3]> = LazyLock::new(|| {
    let compile = |middle: &'static str| {
        let text = format!(
            "{}{middle}{DATABASE}{}",
            r#""queue_duration_s":{S},"request_urgency":"low","target_duration_s":5,"redis_calls":{2r},"redis_duration_s":{S},"redis_read_bytes":{4b},"redis_write_bytes":{4},"#,
            r#""cpu_s":{S},"mem_objects":{5},"mem_bytes":{7},"mem_mallocs":{5},"mem_total_bytes":{8},"pid":10{2},"worker_id":"puma_{1}","rate_limiting_gates":[],"db_duration_s":{s},"view_duration_s":{S},"duration_s":{S},"#,
        );
        Block::new(Box::leak(text.into_boxed_str()))
    };
    [
        compile(
            r#""redis_feature_flag_calls":{r},"redis_feature_flag_duration_s":{S},"redis_feature_flag_read_bytes":{b},"redis_feature_flag_write_bytes":{3},"#,
        ),
        compile(
            r#""redis_cache_calls":{1},"redis_cache_duration_s":{S},"redis_cache_read_bytes":{4},"redis_cache_write_bytes":{3},"redis_sessions_calls":1,"redis_sessions_duration_s":{s},"#,
        ),
        compile(
            r#""gitaly_calls":{1},"gitaly_duration_s":{S},"redis_db_load_balancing_calls":2,"redis_db_load_balancing_duration_s":{s},"redis_db_load_balancing_write_bytes":104,"#,
        ),
    ]
});

/// What the line of a finished job ends with.
pub(crate) static JOB: LazyLock<Block> = LazyLock::new(|| {
    let text = format!(
        "{}{DATABASE}{}",
        r#""redis_calls":{2},"redis_duration_s":{S},"redis_read_bytes":{3},"redis_write_bytes":{4},"redis_queues_calls":{1},"redis_queues_duration_s":{s},"redis_queues_read_bytes":{2},"redis_queues_write_bytes":{4},"#,
        r#""cpu_s":{S},"mem_objects":{5},"mem_bytes":{7},"mem_mallocs":{5},"mem_total_bytes":{8},"worker_data_consistency":"delayed","load_balancing_strategy":"replica","db_duration_s":{s},"#,
    );
    Block::new(Box::leak(text.into_boxed_str()))
});

/// What the line of a Git call begins with.
pub(crate) static COMMAND: LazyLock<Block> = LazyLock::new(|| {
    Block::new(
        r#"{?}"catfile.duration_ms":{2},"catfile.flush_count":1,"catfile.flush_ms":0,"catfile.read_object_count":{1c},"catfile.read_object_ms":0,"catfile.request_object_count":{c},"catfile.request_object_ms":0,{.}"command.count":{1},"command.cpu_time_ms":{2},"command.inblock":0,"command.majflt":0,"command.maxrss":35{4},"command.minflt":{3},"command.oublock":0,"command.real_time_ms":{3},"command.spawn_token_fork_ms":0,"command.spawn_token_wait_ms":0,"command.system_time_ms":{1},"command.user_time_ms":{1},"#,
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_members_of_an_object() {
        let mut rng = Rng::new(3);
        for block in RAILS.iter().chain([&*JOB, &*COMMAND]) {
            for _ in 0..50 {
                let mut out = vec![b'{'];
                block.write(&mut rng, &mut out);
                out.pop();
                out.push(b'}');
                assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
            }
        }
    }
}
