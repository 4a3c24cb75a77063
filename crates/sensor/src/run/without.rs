//! The run on a kernel that gives no bpf(2).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use detect::opens::Judge;
use model::Loss;
use nix::poll::{PollFd, PollFlags};

use super::{COVERAGE, RUNC_ROOTS, Sight, TICK, Ticks, Watch, trim, wait_for};
use crate::clock::Clock;
use crate::kernel::KernelError;
use crate::output::Output;
use crate::pipeline::Pipeline;
use crate::provider::{self, Outcomes};
use crate::record::Body;
use crate::signal::Signal;
use crate::{privilege, without_bpf};

impl Watch {
    /// Without bpf(2): sees what /proc, the process connector and fanotify give, and says so. Without them, too, there is
    /// nothing to run for.
    pub(super) fn without_kernel(
        &self,
        error: &KernelError,
        wanted: &BTreeSet<Signal>,
        pipeline: Pipeline<Output>,
        shutdown: &AtomicBool,
    ) -> anyhow::Result<Sight> {
        let reason = provider::explain(error);
        let judge = Judge::new(self.degraded.rules());
        let (mut sight, mut outcomes) = without_bpf::Sight::start(wanted, &reason);
        anyhow::ensure!(
            !outcomes.seen().is_empty(),
            "nothing can be seen here: {reason}; {}\n{}hint: run it as root, or with the capabilities {}",
            "and neither the process connector nor fanotify works",
            outcomes.table(),
            privilege::names()
        );
        tracing::warn!("no bpf(2) here ({reason}): only processes and opens of files are seen (tier C)");
        let pipeline = RefCell::new(pipeline);
        self.test(&pipeline, &mut outcomes, || {
            sight.read(None, |record, by| {
                pipeline.borrow_mut().take(record, by);
            });
        })?;
        let mut pipeline = pipeline.into_inner();
        pipeline.snapshot_of_proc(&RUNC_ROOTS.map(PathBuf::from));
        for pid in pipeline.contained() {
            sight.watch_root_of(pid);
        }
        self.say(&outcomes, &mut pipeline, &[]);
        Self::ready(&outcomes);
        let (mut ticks, mut lost) = (Ticks::default(), Vec::new());
        while !shutdown.load(Ordering::Relaxed) {
            let mut fds: Vec<PollFd<'_>> = sight.fds().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
            fds.push(PollFd::new(self.woken.as_fd(), PollFlags::POLLIN));
            wait_for(&mut fds)?;
            self.drain();
            let mut contained = BTreeSet::new();
            sight.read(Some(&judge), |record, by| {
                if pipeline.take(record, by) != 0 && matches!(record.body, Body::Exec(_)) {
                    contained.insert(record.header.pid);
                }
            });
            for pid in contained {
                sight.watch_root_of(pid);
            }
            self.tick_without_kernel(&mut sight, &outcomes, &mut pipeline, &mut ticks, &mut lost);
        }
        pipeline.finish();
        pipeline.sink().tick(self.now());
        Ok(Sight::Partial)
    }

    fn tick_without_kernel(
        &self,
        sight: &mut without_bpf::Sight,
        outcomes: &Outcomes,
        pipeline: &mut Pipeline<Output>,
        ticks: &mut Ticks,
        all: &mut Vec<(Signal, Loss)>,
    ) {
        pipeline.tick(Clock::since_boot());
        if ticks.second.elapsed() < TICK {
            return;
        }
        ticks.second = Instant::now();
        pipeline.sink().tick(self.now());
        for (signal, count) in sight.lost() {
            let fresh = Loss { lost: count, ..Loss::default() };
            match all.iter_mut().find(|(known, _)| *known == signal) {
                Some((_, loss)) => loss.add(fresh),
                None => all.push((signal, fresh)),
            }
        }
        let losses = pipeline.sink().counters(all);
        self.count(&losses);
        if ticks.coverage.elapsed() >= COVERAGE {
            ticks.coverage = Instant::now();
            self.say(outcomes, pipeline, &losses);
            trim();
        }
    }
}
