//! Memory that all layers of a scan share, and files for what does not fit into it.
//!
//! Archives with their directory at the end (jars) and databases have to be held as a whole, to be read here and there;
//! texts are analysed as a whole. The engine opens no files: who has the memory and the disk gives it a [`Room`].

use std::fmt::Debug;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

/// Bytes that are held without asking: as much as a scan needs for anything that it looks at.
const FREE_BYTES: u64 = 1 << 20;
/// Bytes that are read ahead from a file.
const AHEAD_BYTES: usize = 64 << 10;

/// A file that nobody else sees and that is gone with its value.
pub trait Aside: Read + Write + Seek + Send {}
impl<T: Read + Write + Seek + Send> Aside for T {}

/// Memory to take from, and files beyond it. Used from several threads.
pub trait Room: Debug + Send + Sync {
    /// Takes memory; false when there is not so much left.
    fn take(&self, bytes: u64) -> bool;
    /// Takes memory, waiting until it is given back; false when there never is so much. Who waits holds none.
    fn wait(&self, bytes: u64) -> bool;
    /// Gives memory back.
    fn give_back(&self, bytes: u64);
    /// An empty file for what does not fit.
    fn aside(&self) -> io::Result<Box<dyn Aside>>;
}

/// What an archive is read from.
pub(crate) trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// Memory that was taken, or so little that nobody was asked.
#[derive(Debug)]
pub(crate) struct Taken(Option<(Arc<dyn Room>, u64)>);

impl Taken {
    /// Memory for a file of this size; `None` when it is not to be had.
    fn of(room: Option<&Arc<dyn Room>>, bytes: u64, take: impl FnOnce(&dyn Room, u64) -> bool) -> Option<Self> {
        match room.filter(|_| bytes > FREE_BYTES) {
            Some(room) => take(&**room, bytes).then(|| Self(Some((Arc::clone(room), bytes)))),
            None => Some(Self(None)),
        }
    }

    /// The same, waiting for others. Nothing else may be held then, or two could wait for each other.
    pub fn wait(room: Option<&Arc<dyn Room>>, bytes: u64) -> Option<Self> {
        Self::of(room, bytes, |room, bytes| room.wait(bytes))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some((room, bytes)) = &self.0 {
            room.give_back(*bytes);
        }
    }
}

/// A file of a layer, or of an archive in it, as a whole.
pub(crate) enum Held {
    /// In memory; what was taken for it goes back with it.
    Memory(Cursor<Vec<u8>>, #[expect(dead_code, reason = "held for its drop")] Taken),
    /// In a file.
    Aside(io::BufReader<Box<dyn Aside>>),
}

impl Held {
    /// Holds content that claims to be `size` bytes; a reader that gives more must fail by itself. Without a room it is
    /// held in memory.
    pub fn of(content: impl Read, size: u64, room: Option<&Arc<dyn Room>>) -> io::Result<Self> {
        let mut content = content.take(size);
        match (Taken::of(room, size, |room, bytes| room.take(bytes)), room) {
            (None, Some(room)) => {
                let mut file = room.aside()?;
                io::copy(&mut content, &mut file)?;
                file.rewind()?;
                Ok(Self::Aside(io::BufReader::with_capacity(AHEAD_BYTES, file)))
            }
            (taken, _) => {
                let mut bytes = Vec::new();
                io::copy(&mut content, &mut bytes)?;
                Ok(Self::Memory(Cursor::new(bytes), taken.unwrap_or(Taken(None))))
            }
        }
    }
}

impl Read for Held {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(bytes, _) => bytes.read(buffer),
            Self::Aside(file) => file.read(buffer),
        }
    }
}

impl Seek for Held {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Memory(bytes, _) => bytes.seek(to),
            Self::Aside(file) => {
                // Short steps stay within what was read ahead.
                let now = file.stream_position()?;
                match to {
                    SeekFrom::Start(at) if at.abs_diff(now) < AHEAD_BYTES as u64 => {
                        let step = i64::try_from(i128::from(at) - i128::from(now)).map_err(io::Error::other)?;
                        file.seek_relative(step)?;
                        Ok(at)
                    }
                    _ => file.seek(to),
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A room of some bytes, its files in memory; it counts them.
    #[derive(Debug)]
    pub struct Small {
        pub left: Mutex<u64>,
        pub files: Mutex<u64>,
    }

    impl Small {
        pub fn of(bytes: u64) -> Arc<Self> {
            Arc::new(Self { left: Mutex::new(bytes), files: Mutex::new(0) })
        }
    }

    impl Room for Small {
        fn take(&self, bytes: u64) -> bool {
            let mut left = self.left.lock().unwrap();
            let fits = *left >= bytes;
            if fits {
                *left -= bytes;
            }
            fits
        }

        fn wait(&self, bytes: u64) -> bool {
            self.take(bytes)
        }

        fn give_back(&self, bytes: u64) {
            *self.left.lock().unwrap() += bytes;
        }

        fn aside(&self) -> io::Result<Box<dyn Aside>> {
            *self.files.lock().unwrap() += 1;
            Ok(Box::new(Cursor::new(Vec::new())))
        }
    }

    #[test]
    fn what_does_not_fit_goes_aside_and_reads_the_same() {
        let content: Vec<u8> = (0..3_u32 << 20).map(|n| (n >> 7).to_le_bytes()[0]).collect();
        let small = Small::of(4 << 20);
        let room: Arc<dyn Room> = small.clone();
        let hold = || Held::of(content.as_slice(), content.len() as u64, Some(&room)).unwrap();
        let mut first = hold();
        let mut second = hold();
        assert_eq!((*small.left.lock().unwrap(), *small.files.lock().unwrap()), (1 << 20, 1));
        for held in [&mut first, &mut second] {
            for at in [0, 5, 70_000, 69_000, 3_000_000, 12, content.len() - 3] {
                let mut bytes = [0; 3];
                held.seek(SeekFrom::Start(at as u64)).unwrap();
                held.read_exact(&mut bytes).unwrap();
                assert_eq!(bytes, content[at..at + 3]);
            }
            assert_eq!(held.seek(SeekFrom::End(-1)).unwrap(), content.len() as u64 - 1);
        }
        drop(first);
        assert_eq!(*small.left.lock().unwrap(), 4 << 20, "it is given back");
        let free = Held::of(&content[..1 << 20], 1 << 20, Some(&room)).unwrap();
        assert_eq!(*small.left.lock().unwrap(), 4 << 20, "little is not asked for");
        assert!(matches!(free, Held::Memory(..)));
    }
}
