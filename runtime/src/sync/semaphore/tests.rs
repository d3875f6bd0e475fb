//! What a semaphore and its permits promise; the order is modelled with the permits.

use super::*;

#[cfg(not(rt_loom))]
mod alone {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn guards_can_be_split_merged_and_forgotten() {
        let semaphore = Semaphore::new(10);
        let mut one = semaphore.try_acquire_many(6).unwrap();
        assert!(one.split(7).is_none());
        let mut two = one.split(2).unwrap();
        assert_eq!((one.num_permits(), two.num_permits()), (4, 2));
        two.merge(semaphore.try_acquire().unwrap());
        assert_eq!(two.num_permits(), 3);
        one.forget();
        drop(two);
        assert_eq!(semaphore.available_permits(), 6);

        let semaphore = Arc::new(semaphore);
        let mut one = semaphore.clone().try_acquire_many_owned(6).unwrap();
        let mut two = one.split(6).unwrap();
        assert_eq!(one.num_permits(), 0);
        assert!(Arc::ptr_eq(one.semaphore(), &semaphore));
        two.merge(one);
        two.split(1).unwrap().forget();
        drop(two);
        assert_eq!(semaphore.available_permits(), 5);
        assert_eq!(semaphore.forget_permits(9), 5);
    }

    #[test]
    #[should_panic(expected = "different semaphore instances")]
    fn permits_of_two_semaphores_cannot_be_merged() {
        let (one, two) = (Semaphore::new(1), Semaphore::new(1));
        one.try_acquire().unwrap().merge(two.try_acquire().unwrap());
    }

    #[test]
    fn try_acquire_does_not_pass_the_queue() {
        let semaphore = Semaphore::new(1);
        let mut cx = Context::from_waker(Waker::noop());
        let mut many = Box::pin(semaphore.acquire_many(3));
        assert!(many.as_mut().poll(&mut cx).is_pending());
        semaphore.add_permits(1);
        assert_eq!(
            semaphore.try_acquire().unwrap_err(),
            TryAcquireError::NoPermits
        );
        assert!(pin!(semaphore.acquire()).poll(&mut cx).is_pending());
        drop(many);
        assert_eq!(semaphore.available_permits(), 2);
    }

    #[test]
    fn blocking_waits_for_another_thread() {
        let semaphore = Arc::new(Semaphore::new(0));
        let other = std::thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.add_permits(2)
        });
        let one = semaphore.blocking_acquire().unwrap();
        let two = semaphore.clone().blocking_acquire_many_owned(1).unwrap();
        other.join().unwrap();
        drop((one, two));
        semaphore.close();
        assert!(semaphore.blocking_acquire_many(1).is_err());
        assert!(semaphore.is_closed());
    }
}
