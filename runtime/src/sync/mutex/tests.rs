//! What a mutex and its guards promise; who goes first is modelled with the permits.

use super::*;

#[cfg(not(rt_loom))]
mod property;

#[cfg(not(rt_loom))]
mod alone {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn threads_add_up() {
        let mutex = Arc::new(Mutex::new(0));
        let rounds = if cfg!(miri) { 20 } else { 2_000 };
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let mutex = mutex.clone();
                std::thread::spawn(move || {
                    for _ in 0..rounds {
                        *mutex.blocking_lock() += 1;
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*mutex.try_lock().unwrap(), 4 * rounds);
    }

    #[test]
    fn mapped_guards_keep_the_lock_until_they_are_dropped() {
        let mutex = Arc::new(Mutex::new((1, Some(2))));
        let first = MutexGuard::map(mutex.try_lock().unwrap(), |pair| &mut pair.0);
        assert!(mutex.try_lock().is_err());
        drop(first);
        let guard = mutex.try_lock().unwrap();
        assert!(std::ptr::eq(MutexGuard::mutex(&guard), &*mutex));
        let guard = MutexGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
        let second = MutexGuard::try_map(guard, |pair| pair.1.as_mut()).unwrap();
        let mut second = MappedMutexGuard::map(second, |number| number);
        *second += 1;
        let second = MappedMutexGuard::try_map(second, |_| None::<&mut u8>).unwrap_err();
        assert_eq!(format!("{second} {second:?}"), "3 3");
        assert!(mutex.try_lock().is_err());
        drop(second);

        let guard = mutex.clone().try_lock_owned().unwrap();
        assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &mutex));
        let guard = OwnedMutexGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
        let first = OwnedMutexGuard::map(guard, |pair| &mut pair.0);
        let mut first = OwnedMappedMutexGuard::map(first, |number| number);
        *first += 1;
        assert!(mutex.clone().try_lock_owned().is_err());
        drop(first);
        assert_eq!(*mutex.try_lock().unwrap(), (2, Some(3)));
    }

    #[test]
    fn a_panic_while_mapping_unlocks() {
        let mutex = Mutex::new(1);
        let guard = mutex.try_lock().unwrap();
        let map = || MutexGuard::map(guard, |_| -> &mut u8 { panic!("on purpose") });
        assert!(catch_unwind(AssertUnwindSafe(map)).is_err());
        assert!(mutex.try_lock().is_ok());
    }

    #[test]
    fn an_abandoned_wait_passes_the_lock_on() {
        let mutex = Mutex::new(());
        let mut cx = Context::from_waker(Waker::noop());
        let guard = mutex.try_lock().unwrap();
        let mut first = Box::pin(mutex.lock());
        let mut second = pin!(mutex.lock());
        assert!(first.as_mut().poll(&mut cx).is_pending());
        assert!(second.as_mut().poll(&mut cx).is_pending());
        drop(guard);
        // The first has been given the lock, and does not live to see it.
        drop(first);
        assert!(second.poll(&mut cx).is_ready());
        assert!(mutex.try_lock().is_ok());
    }

    #[test]
    fn it_shows_its_value_only_when_it_is_unlocked() {
        let mutex = Mutex::new(5);
        assert_eq!(format!("{mutex:?}"), "Mutex { data: 5 }");
        let _guard = mutex.try_lock().unwrap();
        assert_eq!(format!("{mutex:?}"), "Mutex { data: <locked> }");
    }

    #[test]
    fn unsized_values_can_be_locked() {
        let mutex: Arc<Mutex<[u8]>> = Arc::new(Mutex::new([1, 2, 3]));
        mutex.try_lock().unwrap()[0] = 7;
        let guard = mutex.clone().blocking_lock_owned();
        assert_eq!(guard[0], 7);
        let shown: Box<Mutex<dyn fmt::Debug>> = Box::new(Mutex::new("text"));
        assert_eq!(format!("{:?}", &*shown.blocking_lock()), "\"text\"");
    }
}
