//! The same work on many items, on all cores, without a runtime.

use std::{io, thread};

/// Most threads; more only wait for the disk.
const MOST: usize = 8;

/// Works on every item and keeps the order.
///
/// # Errors
/// One of the errors of the work.
pub fn map<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> io::Result<R> + Sync,
) -> io::Result<Vec<R>> {
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(MOST);
    let share = items.len().div_ceil(threads).max(1);
    let part = |items: &[T]| items.iter().map(&work).collect::<io::Result<Vec<R>>>();
    let parts: io::Result<Vec<Vec<R>>> = thread::scope(|scope| {
        let part = &part;
        let threads: Vec<_> = items
            .chunks(share)
            .map(|items| scope.spawn(move || part(items)))
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, io::Result<Vec<R>>>| {
            thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread failed")))
        };
        threads.into_iter().map(join).collect()
    });
    Ok(parts?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_errors() {
        let items: Vec<u32> = (0..100).collect();
        assert_eq!(
            map(&items, |n| Ok(n * 2)).unwrap(),
            (0..100).map(|n| n * 2).collect::<Vec<_>>()
        );
        assert!(
            map(&items, |n| if *n == 77 {
                Err(io::Error::other("no"))
            } else {
                Ok(())
            })
            .is_err()
        );
        assert!(map(&[] as &[u32], |_| Ok(())).unwrap().is_empty());
    }
}
