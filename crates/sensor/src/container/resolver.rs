//! Asks for what the bundles do not say, on a thread of its own: the thread that reads the ring never waits for others.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::LocalSet;

use super::containerd::{Answer, ask};
use super::grpc::AskError;
use super::locate::Containerd;
use super::{Container, Number};

/// Questions that may wait. More containers than this in the same second are asked for again when they next do something.
const MAX_WAITING: usize = 1024;
/// Questions that are asked at the same time: one runtime that does not answer must not hold back what another one knows.
const AT_ONCE: usize = 16;
/// A container's record is there before its runtime runs; an image's label may come a moment later.
const ATTEMPTS: u32 = 4;
/// Between attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Question {
    number: Number,
    containerd: Containerd,
    id: String,
    sandbox: String,
}

/// What came of a question.
#[derive(Debug)]
pub struct Reply {
    /// The container.
    pub number: Number,
    /// What containerd knows.
    pub answer: Result<Answer, AskError>,
}

/// The thread. It ends when this is dropped.
#[derive(Debug)]
pub struct Resolver {
    questions: mpsc::Sender<Question>,
    replies: Receiver<Reply>,
}

impl Resolver {
    /// Starts the thread; `wake` is called whenever a reply is there.
    pub fn start(wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (questions, mut asked) = mpsc::channel::<Question>(MAX_WAITING);
        let (answered, replies) = sync_channel(MAX_WAITING);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("resolver".into()).spawn(move || {
            let (answered, at_once) = (Rc::new((answered, wake)), Arc::new(Semaphore::new(AT_ONCE)));
            let work = async move {
                while let Some(question) = asked.recv().await {
                    // It is never closed.
                    let Ok(permit) = Arc::clone(&at_once).acquire_owned().await else { return };
                    let answered = Rc::clone(&answered);
                    tokio::task::spawn_local(async move {
                        let (number, answer) = (question.number, attempt(&question).await);
                        drop(permit);
                        let (answered, wake) = &*answered;
                        // Nobody listens at the end of the sensor.
                        if answered.try_send(Reply { number, answer }).is_ok() {
                            wake();
                        }
                    });
                }
            };
            LocalSet::new().block_on(&runtime, work);
        })?;
        Ok(Self { questions, replies })
    }

    /// Asks for a container. False when there is nobody to ask or too many wait.
    pub fn ask(&self, container: &Container) -> bool {
        let (Some(containerd), Some(named)) = (&container.containerd, &container.scope.container) else { return false };
        let question = Question {
            number: container.number,
            containerd: containerd.clone(),
            id: named.id.clone(),
            sandbox: container.facts.sandbox.clone(),
        };
        self.questions.try_send(question).is_ok()
    }

    /// The replies that are there.
    pub fn replies(&self) -> impl Iterator<Item = Reply> {
        self.replies.try_iter()
    }
}

async fn attempt(question: &Question) -> Result<Answer, AskError> {
    let mut last = ask(&question.containerd, &question.id, &question.sandbox).await;
    for _ in 1..ATTEMPTS {
        // A refusal is mostly "not found" of what is just being written; everything else will not change so soon.
        if !matches!(last, Err(AskError::Refused { .. })) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        last = ask(&question.containerd, &question.id, &question.sandbox).await;
    }
    last
}
