//! A table of names in which most of what a line has is looked up and not found.
//!
//! A name is told by its length, its first eight bytes and its last eight, which are compared as numbers;
//! only of a name longer than both is the rest compared.

/// Names by number.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// A power of two of them, at least half of them empty.
    slots: Vec<Slot>,
    texts: Vec<Box<str>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    head: u64,
    tail: u64,
    len: u32,
    /// One more than the name's number; an empty slot has none.
    number: u16,
}

impl Names {
    /// Numbers names in their order. There are fewer than 65,535, each of them once.
    pub(super) fn new(texts: Vec<Box<str>>) -> Self {
        let mut slots = vec![Slot::default(); (texts.len() * 2).next_power_of_two().max(2)];
        for (number, text) in (1..).zip(&texts) {
            let (head, tail) = ends(text.as_bytes());
            let free = places(&slots, head, tail, text.len()).find(|at| {
                let slot = slots.get(*at);
                slot.is_some_and(|slot| slot.number == 0)
            });
            if let Some(slot) = free.and_then(|at| slots.get_mut(at)) {
                *slot = Slot {
                    head,
                    tail,
                    len: text.len() as u32,
                    number,
                };
            }
        }
        Self { slots, texts }
    }

    /// The number of a name.
    pub(super) fn number(&self, name: &[u8]) -> Option<u16> {
        let (head, tail) = ends(name);
        for at in places(&self.slots, head, tail, name.len()) {
            let slot = self.slots.get(at)?;
            let number = slot.number.checked_sub(1)?;
            let is_same = slot.head == head && slot.tail == tail && slot.len as usize == name.len();
            if is_same && (name.len() <= 16 || self.text(number)?.as_bytes() == name) {
                return Some(number);
            }
        }
        None
    }

    /// The name of a number.
    pub(super) fn text(&self, number: u16) -> Option<&str> {
        self.texts.get(usize::from(number)).map(|text| &**text)
    }

    /// All names, in order.
    pub(super) fn texts(&self) -> &[Box<str>] {
        &self.texts
    }
}

/// The slots in which a name may be, the likeliest first.
fn places(slots: &[Slot], head: u64, tail: u64, len: usize) -> impl Iterator<Item = usize> + use<> {
    let mixed = (head ^ tail.rotate_left(29) ^ len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (first, mask) = ((mixed >> 40) as usize, slots.len().wrapping_sub(1));
    (0..slots.len()).map(move |step| first.wrapping_add(step) & mask)
}

/// The first and last eight bytes; of a shorter text, its bytes.
fn ends(text: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        return (u64::from_le_bytes(*head), u64::from_le_bytes(*tail));
    }
    if let (Some(head), Some(tail)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let (head, tail) = (u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
        return (head.into(), tail.into());
    }
    let packed = text.iter().fold(0, |packed, byte| packed << 8 | u64::from(*byte));
    (packed, 0)
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_are_told_apart() {
        let long = "a".repeat(300);
        let middle = format!("{}b{}", "a".repeat(150), "a".repeat(149));
        let texts = [
            "",
            "a",
            "b",
            "ab",
            "aba",
            "abcd",
            "abcde",
            "abcdefgh",
            "abcdefghi",
            "meta.user",
            "meta.user_id",
            &long,
            &middle,
        ];
        let names = Names::new(texts.iter().map(|text| Box::from(*text)).collect());
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(names.number(text.as_bytes()), Some(number as u16), "{text}");
            assert_eq!(names.text(number as u16), Some(*text));
        }
        let other = format!("{}c{}", "a".repeat(150), "a".repeat(149));
        for text in [
            "\0",
            "\0a",
            "c",
            "ba",
            "abcdf",
            "abcdefgi",
            "meta.user_ie",
            &other,
            &long[1..],
        ] {
            assert_eq!(names.number(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Names::new(Vec::new()).number(b"a"), None);
    }
}
