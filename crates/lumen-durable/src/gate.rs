//! The gate that every change of this crate passes, until the process stops.
//!
//! Each change is a step. [`crate::stop`] waits for the steps that have begun, and lets
//! no other begin: their threads sleep until the process ends. So there is no file half written,
//! and nothing changes after the user was told what state things are in. Changes that only make
//! sense together are a [`Whole`], which is waited for as one step. What is built beside its place
//! for a longer time is [`Litter`], which is removed.
//!
//! A process that is killed gets none of this: see [`crate::fault`].

use std::{
    cell::Cell,
    collections::BTreeSet,
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// What a process has changed besides its own store and caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing.
    Untouched,
    /// Something, and it is complete.
    Whole,
    /// Something of a registry, which another run of the same command completes.
    Part,
}

struct State {
    steps: usize,
    wholes: usize,
    is_stopping: bool,
    standing: Standing,
    litter: BTreeSet<PathBuf>,
}

static STATE: Mutex<State> = Mutex::new(State {
    steps: 0,
    wholes: 0,
    is_stopping: false,
    standing: Standing::Untouched,
    litter: BTreeSet::new(),
});
static CHANGED: Condvar = Condvar::new();

thread_local! {
    /// Steps of this thread inside of one another; the outermost counts.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait(state: MutexGuard<'static, State>) -> MutexGuard<'static, State> {
    CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner)
}

/// A change that is being made. It belongs to its thread.
pub(crate) struct Step(PhantomData<*const ()>);

/// Begins a change. Once the process stops, it sleeps instead.
pub(crate) fn step() -> Step {
    enter(|state| state.steps += 1);
    Step(PhantomData)
}

impl Drop for Step {
    fn drop(&mut self) {
        leave(|state| state.steps -= 1);
    }
}

/// Sleeps for good once the process stops: what comes after that is said by the caller of [`crate::stop`].
pub fn rest() {
    drop(step());
}

/// Changes that belong together: [`crate::stop`] waits until all are made. It belongs to its thread;
/// other threads may take part.
pub struct Whole(PhantomData<*const ()>);

/// Begins changes that belong together. Once the process stops, it sleeps instead.
#[must_use]
pub fn whole() -> Whole {
    enter(|state| state.wholes += 1);
    Whole(PhantomData)
}

impl Drop for Whole {
    fn drop(&mut self) {
        leave(|state| {
            state.wholes -= 1;
            state.standing = state.standing.max(Standing::Whole);
        });
    }
}

fn enter(begin: impl FnOnce(&mut State)) {
    DEPTH.with(|depth| {
        if depth.get() == 0 {
            let mut state = state();
            // A whole that has begun is finished, by whatever threads work on it.
            while state.is_stopping && state.wholes == 0 {
                state = wait(state);
            }
            begin(&mut state);
        }
        depth.set(depth.get() + 1);
    });
}

fn leave(end: impl FnOnce(&mut State)) {
    DEPTH.with(|depth| {
        depth.set(depth.get() - 1);
        if depth.get() == 0 {
            let mut state = state();
            end(&mut state);
            if state.is_stopping {
                CHANGED.notify_all();
            }
        }
    });
}

/// A file or folder that is being made beside its place.
#[derive(Debug)]
pub struct Litter(PathBuf);

/// Names a file or folder that will be made; [`crate::stop`] removes it, until this is dropped.
#[must_use]
pub fn litter(path: &Path) -> Litter {
    let path = crate::absolute(path).unwrap_or_else(|_| path.to_owned());
    state().litter.insert(path.clone());
    Litter(path)
}

impl Drop for Litter {
    fn drop(&mut self) {
        state().litter.remove(&self.0);
    }
}

/// Remembers that something of a registry may have been written.
pub fn part() {
    let mut state = state();
    state.standing = Standing::Part;
}

/// Whether [`crate::stop`] was called.
#[cfg(feature = "fault")]
pub(crate) fn is_stopping() -> bool {
    state().is_stopping
}

/// Waits until the changes that have begun are made, and lets no other begin but those of this
/// thread. Returns what is being built, and how things stand.
pub(crate) fn close() -> (BTreeSet<PathBuf>, Standing) {
    let mut state = state();
    state.is_stopping = true;
    // What was asleep before must not miss it.
    CHANGED.notify_all();
    while state.steps + state.wholes > 0 {
        state = wait(state);
    }
    // This thread may remove, as if it were inside of a step.
    DEPTH.with(|depth| depth.set(1));
    (std::mem::take(&mut state.litter), state.standing)
}
