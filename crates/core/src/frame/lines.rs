//! The lines of a segment.

use std::fmt;

use memchr::memchr;

/// One line without its line feed.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Line<'a> {
    /// Decoded offset of the first byte.
    pub offset: u64,
    /// The bytes; may be empty, and may end with `\r`.
    pub bytes: &'a [u8],
}

impl fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line(<{} bytes> at {})", self.bytes.len(), self.offset)
    }
}

/// Walks over the lines of a [`crate::frame::Piece::Lines`].
#[derive(Clone)]
pub struct Lines<'a> {
    offset: u64,
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    /// The lines of `bytes`, whose first byte has the decoded offset `offset`.
    pub fn new(offset: u64, bytes: &'a [u8]) -> Self {
        Self { offset, rest: bytes }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr(b'\n', self.rest);
        let (bytes, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        let line = Line {
            offset: self.offset,
            bytes,
        };
        self.rest = rest.get(1..).unwrap_or_default();
        self.offset += bytes.len() as u64 + 1;
        Some(line)
    }
}

impl fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lines(<{} bytes> at {})", self.rest.len(), self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(bytes: &[u8]) -> Vec<(u64, &[u8])> {
        Lines::new(100, bytes)
            .map(|line| (line.offset, line.bytes))
            .collect()
    }

    #[test]
    fn lines_keep_their_offsets() {
        assert_eq!(collect(b""), []);
        assert_eq!(collect(b"\n"), [(100, &b""[..])]);
        assert_eq!(collect(b"a"), [(100, &b"a"[..])]);
        assert_eq!(
            collect(b"a\r\n\nbc"),
            [(100, &b"a\r"[..]), (103, &b""[..]), (104, &b"bc"[..])]
        );
        assert_eq!(collect(b"a\nb\n"), [(100, &b"a"[..]), (102, &b"b"[..])]);
    }

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(
            format!(
                "{:?}",
                Line {
                    offset: 3,
                    bytes: b"secret"
                }
            ),
            "Line(<6 bytes> at 3)"
        );
    }
}
