//! What the lock and its guards promise; who goes first is modelled with the permits.

use super::*;

#[cfg(not(rt_loom))]
mod alone {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    #[derive(Clone, Debug)]
    enum Step {
        Read,
        Write,
        TryRead,
        TryWrite,
        Poll(usize),
        Drop(usize),
        Downgrade(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => Just(Step::Read),
            2 => Just(Step::Write),
            1 => Just(Step::TryRead),
            1 => Just(Step::TryWrite),
            8 => (0..40usize).prop_map(Step::Poll),
            6 => (0..40usize).prop_map(Step::Drop),
            2 => (0..40usize).prop_map(Step::Downgrade),
        ];
        prop::collection::vec(step, 0..120)
    }

    const READERS: usize = 3;

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Wish {
        Read,
        Write,
    }

    /// Those inside, and those in the queue: who is first gets in as soon as the others allow it.
    #[derive(Default)]
    struct Model {
        inside: Vec<(usize, Wish)>,
        queue: VecDeque<(usize, Wish)>,
    }

    impl Model {
        fn admits(&self, wish: Wish) -> bool {
            match wish {
                Wish::Write => self.inside.is_empty(),
                Wish::Read => {
                    self.inside.len() < READERS
                        && self.inside.iter().all(|&(_, other)| other == Wish::Read)
                }
            }
        }

        fn settle(&mut self) {
            while let Some(&(id, wish)) = self.queue.front() {
                if !self.admits(wish) {
                    break;
                }
                self.queue.pop_front();
                self.inside.push((id, wish));
            }
        }

        fn leave(&mut self, id: usize) {
            self.inside.retain(|&(other, _)| other != id);
            self.queue.retain(|&(other, _)| other != id);
            self.settle();
        }
    }

    enum Side<'a> {
        Reading(Pin<Box<dyn Future<Output = RwLockReadGuard<'a, u32>> + 'a>>),
        Writing(Pin<Box<dyn Future<Output = RwLockWriteGuard<'a, u32>> + 'a>>),
        Reader(RwLockReadGuard<'a, u32>),
        Writer(RwLockWriteGuard<'a, u32>),
        Gone,
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_door_with_a_queue(steps in steps()) {
            let lock = RwLock::with_max_readers(0, READERS as u32);
            let mut model = Model::default();
            let mut writes = 0;
            let mut sides: Vec<Side<'_>> = Vec::new();
            let mut is_polled: Vec<bool> = Vec::new();
            let mut cx = Context::from_waker(Waker::noop());
            for step in steps {
                let id = sides.len();
                match step {
                    Step::Read => sides.push(Side::Reading(Box::pin(lock.read()))),
                    Step::Write => sides.push(Side::Writing(Box::pin(lock.write()))),
                    Step::TryRead | Step::TryWrite => {
                        let wish = if matches!(step, Step::TryRead) { Wish::Read } else { Wish::Write };
                        let expected = model.queue.is_empty() && model.admits(wish);
                        let side = match wish {
                            Wish::Read => lock.try_read().ok().map(Side::Reader),
                            Wish::Write => lock.try_write().ok().map(Side::Writer),
                        };
                        prop_assert_eq!(side.is_some(), expected);
                        if let Some(side) = side {
                            model.inside.push((id, wish));
                            sides.push(side);
                        }
                    }
                    Step::Poll(id) if id < sides.len() => {
                        let wish = match &sides[id] {
                            Side::Reading(_) => Wish::Read,
                            Side::Writing(_) => Wish::Write,
                            _ => continue,
                        };
                        if !is_polled[id] {
                            is_polled[id] = true;
                            model.queue.push_back((id, wish));
                            model.settle();
                        }
                        let guard = match &mut sides[id] {
                            Side::Reading(future) => match future.as_mut().poll(&mut cx) {
                                Poll::Ready(guard) => Some(Side::Reader(guard)),
                                Poll::Pending => None,
                            },
                            Side::Writing(future) => match future.as_mut().poll(&mut cx) {
                                Poll::Ready(guard) => Some(Side::Writer(guard)),
                                Poll::Pending => None,
                            },
                            _ => unreachable!(),
                        };
                        let expected = model.inside.iter().any(|&(other, _)| other == id);
                        prop_assert_eq!(guard.is_some(), expected);
                        if let Some(guard) = guard {
                            sides[id] = guard;
                        }
                    }
                    Step::Drop(id) if id < sides.len() => {
                        sides[id] = Side::Gone;
                        model.leave(id);
                    }
                    Step::Downgrade(id) if id < sides.len() => {
                        if let Side::Writer(_) = sides[id] {
                            let Side::Writer(writer) = std::mem::replace(&mut sides[id], Side::Gone) else {
                                unreachable!()
                            };
                            sides[id] = Side::Reader(writer.downgrade());
                            model.inside = vec![(id, Wish::Read)];
                            model.settle();
                        }
                    }
                    _ => {}
                }
                is_polled.resize(sides.len(), false);
                for side in &mut sides {
                    match side {
                        Side::Writer(writer) => {
                            **writer += 1;
                            writes += 1;
                        }
                        Side::Reader(reader) => prop_assert_eq!(**reader, writes),
                        _ => {}
                    }
                }
            }
        }
    }

    #[test]
    fn mapped_guards_keep_the_lock_until_they_are_dropped() {
        let lock = Arc::new(RwLock::new((1, Some(2))));
        let reader = RwLockReadGuard::map(lock.try_read().unwrap(), |pair| &pair.0);
        let reader = RwLockReadGuard::try_map(reader, |_| None::<&u8>).unwrap_err();
        assert!(lock.try_write().is_err());
        assert_eq!(format!("{reader} {reader:?}"), "1 1");
        drop(reader);

        let writer = lock.try_write().unwrap();
        let writer = RwLockWriteGuard::try_map(writer, |_| None::<&mut u8>).unwrap_err();
        let mut part = RwLockWriteGuard::try_map(writer, |pair| pair.1.as_mut()).unwrap();
        *part += 1;
        let mut part = RwLockMappedWriteGuard::map(part, |number| number);
        *part += 1;
        assert!(lock.try_read().is_err());
        drop(part);
        drop(RwLockWriteGuard::into_mapped(lock.try_write().unwrap()));

        let writer = lock.try_write().unwrap();
        let writer = RwLockWriteGuard::try_downgrade_map(writer, |_| None::<&u8>).unwrap_err();
        assert!(lock.try_read().is_err());
        let reader = RwLockWriteGuard::downgrade_map(writer, |pair| &pair.1);
        assert_eq!(*reader, Some(4));
        assert!(lock.try_read().is_ok());
        drop(reader);
        assert!(lock.try_write().is_ok());
    }

    #[test]
    fn owned_guards_do_as_the_borrowed_ones() {
        let lock = Arc::new(RwLock::new((1, Some(2))));
        let reader = lock.clone().try_read_owned().unwrap();
        let reader = OwnedRwLockReadGuard::map(reader, |pair| &pair.0);
        let reader = OwnedRwLockReadGuard::try_map(reader, |_| None::<&u8>).unwrap_err();
        assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&reader), &lock));
        assert!(lock.clone().try_write_owned().is_err());
        drop(reader);

        let mut writer = block_on(lock.clone().write_owned());
        writer.0 += 1;
        let mut part = OwnedRwLockWriteGuard::map(writer, |pair| &mut pair.0);
        *part += 1;
        let part = OwnedRwLockMappedWriteGuard::try_map(part, |_| None::<&mut u8>).unwrap_err();
        assert!(Arc::ptr_eq(
            OwnedRwLockMappedWriteGuard::rwlock(&part),
            &lock
        ));
        assert!(lock.try_read().is_err());
        drop(part);
        drop(OwnedRwLockWriteGuard::into_mapped(
            lock.clone().try_write_owned().unwrap(),
        ));

        let writer = lock.clone().try_write_owned().unwrap();
        let writer = OwnedRwLockWriteGuard::try_downgrade_map(writer, |_| None::<&u8>).unwrap_err();
        let reader = writer.downgrade();
        assert_eq!(*reader, (3, Some(2)));
        assert!(lock.try_read().is_ok());
        drop(reader);
        assert!(lock.try_write().is_ok());
    }

    #[test]
    fn threads_add_up() {
        let lock = Arc::new(RwLock::new(0));
        let rounds = if cfg!(miri) { 20 } else { 1_000 };
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let lock = lock.clone();
                std::thread::spawn(move || {
                    for _ in 0..rounds {
                        let before = *lock.blocking_read();
                        *lock.blocking_write() += 1;
                        assert!(*lock.blocking_read() > before);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*lock.try_read().unwrap(), 4 * rounds);
    }

    #[test]
    #[should_panic(expected = "at least one")]
    fn a_lock_without_readers_is_refused() {
        let _ = RwLock::with_max_readers((), 0);
    }

    #[test]
    #[should_panic(expected = "with fewer")]
    fn a_lock_with_too_many_readers_is_refused() {
        let _ = RwLock::with_max_readers((), u32::MAX);
    }
}
