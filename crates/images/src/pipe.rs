//! A bounded pipe of large chunks from a producer (a task or a thread) to a blocking reader.
//!
//! It is what joins asynchronous sources to the synchronous engine: [`CHUNK_BYTES`] at a time, at most [`DEPTH`] chunks
//! under way, spent chunks handed back to the producer so that a layer of any size costs a handful of allocations.
//! What it is not: a byte queue with its own framing; the end is an explicit message, so that a producer that dies is
//! never taken for the end of the data.

use std::io::{self, BufRead, Read};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

/// Size of a chunk: large enough that system calls and wake-ups do not show beside decompression.
pub const CHUNK_BYTES: usize = 256 << 10;
/// Chunks under way in one pipe: 1 MiB, so that twenty layers at once stay under the 64 MiB of issue 5.
pub const DEPTH: usize = 4;

enum Message {
    Chunk(Bytes),
    End,
    Failed(String),
}

/// The producer's end.
#[derive(Debug)]
pub struct Sender {
    messages: mpsc::Sender<Message>,
    spent: mpsc::UnboundedReceiver<Bytes>,
}

/// The reader's end. Its [`Read`] blocks: use it on a thread that may.
#[derive(Debug)]
pub struct Receiver {
    messages: mpsc::Receiver<Message>,
    spent: mpsc::UnboundedSender<Bytes>,
    current: Bytes,
    offset: usize,
    ended: bool,
}

/// The other end is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reader stopped reading")]
pub struct Closed;

/// What a reader is told when its producer failed; the producer's own verdict has the details.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceFailed(pub String);

/// A new pipe.
pub fn pipe() -> (Sender, Receiver) {
    let (messages_in, messages) = mpsc::channel(DEPTH);
    let (spent, spent_out) = mpsc::unbounded_channel();
    let sender = Sender { messages: messages_in, spent: spent_out };
    (sender, Receiver { messages, spent, current: Bytes::new(), offset: 0, ended: false })
}

impl Sender {
    /// An empty buffer with room for a chunk: one that the reader is done with where there is one.
    pub fn buffer(&mut self) -> BytesMut {
        while let Ok(spent) = self.spent.try_recv() {
            if let Ok(mut buffer) = spent.try_into_mut() {
                buffer.clear();
                return buffer;
            }
        }
        BytesMut::with_capacity(CHUNK_BYTES)
    }

    /// The same with [`CHUNK_BYTES`] of arbitrary content, for filling by [`Read`].
    pub fn filled_buffer(&mut self) -> BytesMut {
        while let Ok(spent) = self.spent.try_recv() {
            if let Ok(mut buffer) = spent.try_into_mut() {
                // Its old content stays: only what a short last chunk lacks is zeroed.
                buffer.resize(CHUNK_BYTES, 0);
                return buffer;
            }
        }
        BytesMut::zeroed(CHUNK_BYTES)
    }

    /// Hands over a chunk; waits while the pipe is full.
    pub async fn send(&mut self, chunk: Bytes) -> Result<(), Closed> {
        self.messages.send(Message::Chunk(chunk)).await.map_err(|_| Closed)
    }

    /// The same from a thread.
    pub fn blocking_send(&mut self, chunk: Bytes) -> Result<(), Closed> {
        self.messages.blocking_send(Message::Chunk(chunk)).map_err(|_| Closed)
    }

    /// Says how it ended. A pipe that is dropped without this is an error for its reader.
    pub async fn finish(self, result: Result<(), String>) {
        // A reader that is already gone does not need to know.
        drop(self.messages.send(last(result)).await);
    }

    /// The same from a thread.
    pub fn blocking_finish(self, result: Result<(), String>) {
        drop(self.messages.blocking_send(last(result)));
    }
}

fn last(result: Result<(), String>) -> Message {
    match result {
        Ok(()) => Message::End,
        Err(reason) => Message::Failed(reason),
    }
}

impl Receiver {
    /// Reads the rest and throws it away, so that the producer comes to its verdict. Errors end it too.
    pub fn drain(&mut self) {
        while let Ok([_, ..]) = self.fill_buf() {
            self.consume(self.current.len() - self.offset);
        }
    }
}

impl BufRead for Receiver {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.offset == self.current.len() && !self.ended {
            let spent = std::mem::take(&mut self.current);
            self.offset = 0;
            if !spent.is_empty() {
                // A producer that is gone needs no buffers.
                drop(self.spent.send(spent));
            }
            match self.messages.blocking_recv() {
                Some(Message::Chunk(chunk)) => self.current = chunk,
                Some(Message::End) => self.ended = true,
                Some(Message::Failed(reason)) => return Err(io::Error::other(SourceFailed(reason))),
                None => return Err(io::Error::other(SourceFailed("the source stopped without a word".into()))),
            }
        }
        Ok(&self.current[self.offset..])
    }

    fn consume(&mut self, amount: usize) {
        self.offset = (self.offset + amount).min(self.current.len());
    }
}

impl Read for Receiver {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn produce(chunks: &'static [&'static [u8]], end: Option<Result<(), String>>) -> Receiver {
        let (mut sender, receiver) = pipe();
        std::thread::spawn(move || {
            for chunk in chunks {
                sender.blocking_send(Bytes::from_static(chunk)).unwrap();
            }
            if let Some(end) = end {
                sender.blocking_finish(end);
            }
        });
        receiver
    }

    fn read(receiver: Receiver) -> Result<Vec<u8>, String> {
        limits::read_capped(receiver, 1 << 20, "pipe")
            .map_err(|error| std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default())
    }

    #[test]
    fn bytes_arrive_in_order() {
        let chunks: &[&[u8]] = &[b"ab", b"", b"c", b"d", b"e", b"f", b"g"];
        assert_eq!(read(produce(chunks, Some(Ok(())))).unwrap(), b"abcdefg");
    }

    #[test]
    fn a_failed_or_dead_producer_is_no_end() {
        assert_eq!(read(produce(&[b"ab"], Some(Err("cut".into())))).unwrap_err(), "cut");
        assert!(read(produce(&[b"ab"], None)).unwrap_err().contains("without a word"));
    }

    #[test]
    fn buffers_come_back() {
        let (mut sender, mut receiver) = pipe();
        let mut buffer = sender.filled_buffer();
        buffer.truncate(3);
        let address = buffer.as_ptr();
        let consumer = std::thread::spawn(move || {
            receiver.drain();
            drop(receiver);
        });
        sender.blocking_send(buffer.freeze()).unwrap();
        sender.blocking_send(Bytes::from_static(b"x")).unwrap();
        while sender.blocking_send(Bytes::from_static(b"x")).is_ok() {
            let again = sender.filled_buffer();
            if again.as_ptr() == address {
                assert_eq!(again.len(), CHUNK_BYTES);
                break;
            }
        }
        sender.blocking_finish(Ok(()));
        consumer.join().unwrap();
    }
}
