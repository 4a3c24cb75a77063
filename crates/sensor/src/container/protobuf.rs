//! The little of Protocol Buffers that asking containerd needs: writing strings, finding fields.
//!
//! Wire format: <https://protobuf.dev/programming-guides/encoding/>. Pure; hostile bytes end the iteration early.

/// Appends a string field.
pub fn put_string(out: &mut Vec<u8>, field: u8, value: &str) {
    put_bytes(out, field, value.as_bytes());
}

/// Appends a field of bytes or of a message. Numbers of fields up to 15 have one byte; we need no others.
pub fn put_bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | 2);
    let mut length = value.len();
    loop {
        // Seven bits fit into a byte.
        let low = u8::try_from(length & 0x7f).unwrap_or_default();
        length >>= 7;
        if length == 0 {
            out.push(low);
            break;
        }
        out.push(low | 0x80);
    }
    out.extend_from_slice(value);
}

/// Walks over the length-delimited fields of a message, skipping all others.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// The fields of a message.
pub const fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

impl Fields<'_> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let tag = self.varint()?;
            let skip = match tag & 7 {
                0 => {
                    self.varint()?;
                    continue;
                }
                1 => 8,
                2 => usize::try_from(self.varint()?).ok()?,
                5 => 4,
                _ => return None,
            };
            let (value, rest) = self.rest.split_at_checked(skip)?;
            self.rest = rest;
            if tag & 7 == 2 {
                return Some((tag >> 3, value));
            }
        }
    }
}

/// The last field of a number, as the format's merging says; empty when absent.
pub fn bytes(message: &[u8], number: u64) -> &[u8] {
    fields(message).filter(|(field, _)| *field == number).last().map_or(&[], |(_, value)| value)
}

/// The same as text.
pub fn string(message: &[u8], number: u64) -> String {
    String::from_utf8_lossy(bytes(message, number)).into_owned()
}

/// A map of strings.
pub fn map(message: &[u8], number: u64) -> impl Iterator<Item = (String, String)> {
    fields(message).filter(move |(field, _)| *field == number).map(|(_, entry)| (string(entry, 1), string(entry, 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found() {
        let mut message = Vec::new();
        put_string(&mut message, 1, "short");
        put_string(&mut message, 3, &"x".repeat(300));
        // A varint field and a fixed one between them are skipped.
        message.extend([0x10, 0xff, 0x01, 0x0d, 1, 2, 3, 4]);
        put_string(&mut message, 1, "later wins");
        assert_eq!(string(&message, 1), "later wins");
        assert_eq!(bytes(&message, 3).len(), 300);
        assert_eq!(string(&message, 9), "");
    }

    #[test]
    fn maps_are_read() {
        let mut entry = Vec::new();
        put_string(&mut entry, 1, "app");
        put_string(&mut entry, 2, "web");
        let mut message = vec![0x12, u8::try_from(entry.len()).unwrap()];
        message.extend(&entry);
        assert_eq!(map(&message, 2).collect::<Vec<_>>(), [("app".to_owned(), "web".to_owned())]);
    }

    #[test]
    fn hostile_bytes_end_it() {
        for bytes in [&[0xff; 40][..], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], &[0x0a, 5, 1], &[0x0b], &[0x09, 1]] {
            assert_eq!(fields(bytes).count(), 0, "{bytes:?}");
        }
    }
}
