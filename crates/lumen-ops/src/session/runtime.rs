//! The runtime of a session, on threads of its own.
//!
//! A session may be used inside the runtime of another program. There, tokio lets no other
//! runtime drive work on the thread, nor be dropped. So the calling thread drives the work itself
//! and sleeps while it waits. Sockets, timers and tasks are the session's own runtime's in any
//! case: no request moves to another thread because of the caller, and a caller whose only
//! thread is here cannot keep the work from going on.

use std::{
    io,
    pin::pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::coop::unconstrained,
};

use crate::error::OpsError;

/// A runtime that is started when first needed.
#[derive(Default)]
pub(super) struct Own(OnceLock<Runtime>);

impl Own {
    /// Runs asynchronous work to its end, inside and outside of other runtimes.
    pub(super) fn block_on<T>(
        &self,
        work: impl Future<Output = Result<T, OpsError>>,
    ) -> Result<T, OpsError> {
        if self.0.get().is_none() {
            let _ = self
                .0
                .set(Builder::new_multi_thread().enable_all().build()?);
        }
        let none = || io::Error::other("no runtime");
        let runtime = self.0.get().ok_or_else(none)?;
        if Handle::try_current().is_err() {
            return runtime.block_on(work);
        }
        let _entered = runtime.enter();
        // Tokio gives the caller's task a budget of work. Ours must not spend it: the budget is
        // renewed only when the caller's task goes on, which waits for ours.
        drive(unconstrained(work))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let Some(runtime) = self.0.take() else {
            return;
        };
        if Handle::try_current().is_err() {
            drop(runtime);
            return;
        }
        // Dropping a runtime waits for its blocking work, such as a write to the store. Only a
        // thread outside of other runtimes may wait.
        let mut runtime = Some(runtime);
        thread::scope(|scope| {
            let end = || drop(runtime.take());
            if let Ok(ending) = thread::Builder::new().spawn_scoped(scope, end) {
                let _ = ending.join();
            }
        });
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

/// Drives work on this thread, which sleeps until the work can go on.
fn drive<T>(work: impl Future<Output = T>) -> T {
    struct Sleeper(Thread);

    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Sleeper(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut work = pin!(work);
    loop {
        match work.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::mpsc, task, time};

    use super::*;

    /// Needs timers, tasks, threads for blocking work, and more than the budget of one task.
    async fn work() -> Result<u32, OpsError> {
        time::sleep(Duration::from_millis(1)).await;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for number in 0..1000_u32 {
            let _ = sender.send(number);
        }
        drop(sender);
        let mut sum = 0;
        while let Some(number) = receiver.recv().await {
            sum += number;
        }
        let blocking = task::spawn_blocking(move || sum);
        let task = tokio::spawn(async move { blocking.await.unwrap_or_default() });
        task.await.map_err(|error| io::Error::other(error).into())
    }

    fn run() -> u32 {
        let own = Own::default();
        let first = own.block_on(work()).unwrap();
        first + own.block_on(work()).unwrap()
    }

    #[test]
    fn inside_and_outside_of_other_runtimes() {
        assert_eq!(run(), 999_000);
        let one = Builder::new_current_thread().build().unwrap();
        assert_eq!(one.block_on(async { run() }), 999_000);
        let many = Builder::new_multi_thread().build().unwrap();
        let task = many.spawn(async { run() });
        assert_eq!(many.block_on(task).unwrap(), 999_000);
        let blocking = many.spawn_blocking(run);
        assert_eq!(many.block_on(blocking).unwrap(), 999_000);
    }

    #[test]
    fn what_still_runs_ends_before_the_session_does() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let inside = async move {
            let own = Own::default();
            let started = async move {
                let (begun, begins) = tokio::sync::oneshot::channel();
                task::spawn_blocking(move || {
                    begun.send(()).unwrap();
                    thread::sleep(Duration::from_millis(20));
                    sender.send(()).unwrap();
                });
                begins.await.map_err(|error| io::Error::other(error).into())
            };
            own.block_on(started).unwrap();
        };
        Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(inside);
        receiver.try_recv().unwrap();
    }
}
