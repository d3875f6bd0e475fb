//! Models of the one initialisation, and what a cell promises.

use super::*;
use runtime_base::driving::block_on;
use runtime_base::sync::{Arc, model, thread};

#[test]
fn a_slot_takes_one_of_two_values_and_shows_it_whole() {
    model(|| {
        let slot = Arc::new(Slot::new());
        let other = {
            let slot = slot.clone();
            thread::spawn(move || slot.set(Box::new(1)).is_ok())
        };
        let seen = slot.get().map(|value| **value);
        let won = slot.set(Box::new(2)).is_ok();
        let other_won = other.join().unwrap();
        assert!(won != other_won, "one and only one is stored");
        let expected = if won { 2 } else { 1 };
        assert!(seen.is_none() || seen == Some(expected));
        assert_eq!(slot.get().map(|value| **value), Some(expected));
    });
}

#[test]
fn two_who_come_at_the_same_time_compute_once() {
    model(|| {
        let cell = Arc::new(OnceCell::new());
        let other = {
            let cell = cell.clone();
            thread::spawn(move || *block_on(cell.get_or_init(|| async { 1 })))
        };
        let ours = *block_on(cell.get_or_init(|| async { 2 }));
        assert_eq!(other.join().unwrap(), ours);
        assert_eq!(cell.get(), Some(&ours));
    });
}

#[cfg(not(rt_loom))]
mod alone {
    use super::*;
    use std::future::{pending, ready};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn one_who_fails_is_cancelled_or_panics_leaves_it_to_the_next() {
        let cell = OnceCell::new();
        assert_eq!(
            block_on(cell.get_or_try_init(|| ready(Err::<u8, _>("no")))),
            Err("no")
        );
        let mut cx = Context::from_waker(Waker::noop());
        {
            let mut cancelled = Box::pin(cell.get_or_init(pending));
            assert!(cancelled.as_mut().poll(&mut cx).is_pending());
            assert!(cell.set(1).unwrap_err().is_initializing_err());
            let mut waiting = pin!(cell.get_or_init(|| ready(2)));
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
        }
        let panics = || block_on(cell.get_or_init(|| async { panic!("on purpose") }));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert!(!cell.initialized());
        assert_eq!(block_on(cell.get_or_init(|| ready(3))), &3);
        assert_eq!(
            block_on(cell.get_or_try_init(|| ready(Err::<u8, _>("no")))),
            Ok(&3)
        );
        assert!(cell.set(4).unwrap_err().is_already_init_err());
    }

    #[test]
    fn a_cell_can_be_emptied_and_filled_again() {
        let mut cell = OnceCell::new_with(Some("one".to_owned()));
        assert_eq!(cell, cell.clone());
        cell.get_mut().unwrap().push('!');
        assert_eq!(cell.take().as_deref(), Some("one!"));
        assert_eq!(cell.take(), None);
        cell.set("two".to_owned()).unwrap();
        assert_eq!(format!("{cell:?}"), "OnceCell { value: Some(\"two\") }");
        assert_ne!(cell, OnceCell::new());
        assert_eq!(cell.into_inner().as_deref(), Some("two"));
    }
}

#[cfg(not(rt_loom))]
mod property;
